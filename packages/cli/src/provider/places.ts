import path from "node:path";
import { resolveHome } from "../home.js";
import { readConfigFile } from "./config-file.js";
import { type PlaceOptions, providerConfigFile } from "./config-place.js";
import { resolveText } from "./resolve-settings.js";

/** Files of the provider of one Umbel home. */
export interface ProviderPlaces {
  /** Keys, records, socket; and models, where they have no folder of their own. */
  readonly home: string;
  /** Where the models are. */
  readonly store: { readonly home: string; readonly modelsDirectory: string | undefined };
  readonly configFile: string;
  /** What the provider writes while it runs in the background. */
  readonly log: string;
  /** What it printed besides, which is nothing unless it crashed. */
  readonly crashLog: string;
  /** How it was started last. */
  readonly runRecord: string;
}

/** @throws CliError (configuration) when the file of settings, which may say where the others are, cannot be understood */
export function providerPlaces(options: PlaceOptions): ProviderPlaces {
  const umbelHome = resolveHome(options.home);
  const configFile = providerConfigFile(options);
  const file = readConfigFile(configFile);
  const home = resolveText("dataDir", process.env, file) ?? path.join(umbelHome, "provider");
  return {
    home,
    store: { home, modelsDirectory: resolveText("modelsDir", process.env, file) },
    configFile,
    log: path.join(umbelHome, "logs", "provider.log"),
    crashLog: path.join(umbelHome, "logs", "provider-crash.log"),
    runRecord: path.join(home, "run.json"),
  };
}
