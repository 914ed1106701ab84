import { readFileSync } from "node:fs";
import type { ProxyVariables } from "@umbel/provider";
import { type PlaceOptions, providerConfigFile } from "../provider/config-place.js";
import { proxyVariables } from "./use-proxies.js";

/**
 * The variables, with what the settings of the provider of a home say in their place: who has named a proxy there has named it for every command.
 * Nothing else of the settings is judged here; where they are wrong, the variables alone count, and what needs the settings says what is wrong.
 */
export async function proxiesOfHome(options: PlaceOptions, env: ProxyVariables): Promise<ProxyVariables> {
  const isNamed = env["UMBEL_PROVIDER_PROXY"] !== undefined || env["UMBEL_PROVIDER_NO_PROXY"] !== undefined || mentionsProxy(options);
  if (!isNamed) return env;
  // What reads settings is large, and most homes name no proxy.
  const [{ readConfigFile }, { resolveText }, { CliError }] = await Promise.all([
    import("../provider/config-file.js"),
    import("../provider/resolve-settings.js"),
    import("../exit-codes.js"),
  ]);
  try {
    const file = readConfigFile(providerConfigFile(options));
    return proxyVariables({ proxy: resolveText("proxy", env, file), noProxy: resolveText("noProxy", env, file) }, env);
  } catch (error) {
    if (error instanceof CliError) return env;
    throw error;
  }
}

function mentionsProxy(options: PlaceOptions): boolean {
  try {
    return readFileSync(providerConfigFile(options), "utf8").includes("proxy");
  } catch {
    // Most homes have no such file.
    return false;
  }
}
