import path from "node:path";
import { resolveHome } from "../home.js";

export interface PlaceOptions {
  readonly home?: string | undefined;
  readonly config?: string | undefined;
}

/** Where the settings of the provider of a home are. */
export function providerConfigFile({ home, config }: PlaceOptions): string {
  return config === undefined ? path.join(resolveHome(home), "provider.toml") : path.resolve(config);
}
