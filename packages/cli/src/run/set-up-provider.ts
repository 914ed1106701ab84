import { createModelStore } from "@umbel/provider";
import { askOnTerminal } from "../ask-on-terminal.js";
import { BUNDLED_MODEL_DIRECTORIES } from "../home.js";
import type { Output } from "../output.js";
import { machineToken } from "../provider/account-link.js";
import { statusOf } from "../provider/ask.js";
import type { PlaceOptions } from "../provider/config-place.js";
import type { ProviderPlaces } from "../provider/places.js";
import type { ResolvedSettings } from "../provider/resolve-settings.js";
import { setUp } from "../provider/set-up.js";
import { PROVIDER_SETTINGS } from "../provider/settings.js";
import { writeSetting } from "../provider/write-setting.js";

export interface SetUpOptions extends PlaceOptions {
  readonly model: readonly string[];
  readonly token?: string;
  readonly tokenFile?: string;
  readonly json?: boolean;
}

/** On a terminal alone: whatever starts it otherwise cannot answer, and a machine serves without all of this. */
export async function setUpOnTerminal(
  options: SetUpOptions,
  { values, shown }: ResolvedSettings,
  { home, store, configFile }: ProviderPlaces,
  output: Output,
): Promise<void> {
  const isTerminal = process.stdin.isTTY === true && process.stderr.isTTY === true && options.json !== true;
  if (!isTerminal || (await statusOf(home)) !== undefined) return;
  const coordinator = values.coordinatorUrl ?? "";
  const token = await machineToken(home, coordinator, options.token || options.tokenFile);
  const named = options.model.length > 0 || (values.models ?? []).length > 0;
  const others = (await createModelStore(store).listModels()).filter(({ directory }) => !BUNDLED_MODEL_DIRECTORIES.includes(directory));
  const places = {
    ...(options.home !== undefined && { home: options.home }),
    ...(options.config !== undefined && { config: options.config }),
  };
  await setUp({
    isLinked: token !== undefined,
    hasModels: named || others.length > 0,
    hasDecided: shown.find(({ key }) => key === PROVIDER_SETTINGS.telemetry.key)?.source !== "default",
    ask: askOnTerminal,
    link: async () => (await import("./provider-login.js")).login({ ...places, coordinator }),
    pick: async () => (await import("./models-download.js")).downloadModels([], { ...places, coordinator }),
    decide: (tells) => writeSetting(configFile, PROVIDER_SETTINGS.telemetry.key, tells),
    note: (text) => output.note(text),
  });
}
