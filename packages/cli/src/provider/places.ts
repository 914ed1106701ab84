import path from "node:path";
import { resolveHome } from "../home.js";

/** Files of the provider of one Umbel home. */
export interface ProviderPlaces {
  /** Keys, models, socket. */
  readonly home: string;
  readonly configFile: string;
  /** What the provider writes while it runs in the background. */
  readonly log: string;
  /** What it printed besides, which is nothing unless it crashed. */
  readonly crashLog: string;
  /** How it was started last. */
  readonly runRecord: string;
}

export function providerPlaces(options: { readonly home?: string | undefined; readonly config?: string | undefined }): ProviderPlaces {
  const umbelHome = resolveHome(options.home);
  const home = path.join(umbelHome, "provider");
  return {
    home,
    configFile: options.config === undefined ? path.join(umbelHome, "provider.toml") : path.resolve(options.config),
    log: path.join(umbelHome, "logs", "provider.log"),
    crashLog: path.join(umbelHome, "logs", "provider-crash.log"),
    runRecord: path.join(home, "run.json"),
  };
}
