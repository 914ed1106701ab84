import { createLocalProvider, type DiscoveryRecord, isLoopback, type LocalProvider, readDiscoveryRecord } from "@umbel/provider";
import { examples } from "../examples.js";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { createLog } from "../log.js";
import { createOutput, type Output } from "../output.js";
import { announceReady, stopRequested } from "../process/managed.js";
import { readConfigFile } from "../provider/config-file.js";
import { providerPlaces } from "../provider/places.js";
import { resolveSettings } from "../provider/resolve-settings.js";
import { asCliError, engineOf, importModels, type StartOptions } from "./provider.js";

/** How long running answers may go on after the endpoint was told to stop. */
const DRAIN_ms = 15_000;
/** Shown in place of a key where none is asked for; clients insist on one. */
const NO_KEY = "none";

export interface LocalStartOptions extends StartOptions {
  readonly port: string;
  readonly bind: string;
  /** False with `--no-auth`. */
  readonly auth: boolean;
  readonly origin: readonly string[];
  readonly hostName: readonly string[];
}

/** `umbel provider start --local`: serves this machine's own programs until it is told to stop. */
export async function startLocal(options: LocalStartOptions): Promise<void> {
  const output = createOutput(options);
  if (!options.auth && !isLoopback(options.bind)) {
    throw new CliError(
      `Without a key everybody in the network of ${options.bind} could use this machine.`,
      EXIT_CODES.usage,
      "Leave --no-auth away, or bind to 127.0.0.1.",
    );
  }
  const stop = stopRequested();
  const { home, configFile } = providerPlaces(options);
  const { values, warnings } = resolveSettings({ ...options }, process.env, readConfigFile(configFile));
  for (const warning of warnings) output.note(warning);
  const models = await importModels(home, values.models ?? []);
  const provider = makeLocalProvider(home, models, values, options);
  try {
    output.note("Loading the models …");
    const record = await Promise.race([provider.start(), stop.then(() => undefined)]);
    if (record === undefined) return;
    output.result(record);
    show(record, output);
    for (const failure of provider.failures) output.note(`Not loaded: ${failure.build} (${failure.code}: ${failure.message})`);
    output.line("Ctrl-C stops it.");
    announceReady({ url: record.base_url });
    const end = await Promise.race([provider.ended, stop]);
    if (end !== undefined) throw end;
  } catch (error) {
    throw asCliError(error);
  } finally {
    output.note("Finishing what runs …");
    await provider.stop(DRAIN_ms);
  }
}

/** `umbel provider local`: where the endpoint is that runs on this machine. */
export async function showLocal(options: { readonly home?: string; readonly json?: boolean }): Promise<void> {
  const output = createOutput(options);
  const record = await readDiscoveryRecord(providerPlaces(options).home);
  if (record !== undefined) {
    output.result(record);
    show(record, output);
    return;
  }
  output.result({});
  throw new CliError("No endpoint runs on this machine.", EXIT_CODES.failure, "Start one with: umbel provider start --local");
}

function makeLocalProvider(
  home: string,
  models: readonly string[],
  values: ReturnType<typeof resolveSettings>["values"],
  options: LocalStartOptions,
): LocalProvider {
  const { sequences, modelsResident_max, modelsMemory_gb_max, idleUnload_minutes } = values;
  try {
    return createLocalProvider(
      {
        home,
        models: models.map((id) => ({ id, ...(sequences === undefined ? {} : { sequences }) })),
        engine: engineOf(options, values),
        host: options.bind,
        port: portOf(options.port),
        requiresKey: options.auth,
        origins: options.origin.map(originOf),
        hostNames: [...options.hostName],
        ...(modelsResident_max === undefined ? {} : { modelsResident_max }),
        ...(modelsMemory_gb_max === undefined ? {} : { modelsMemory_gb_max }),
        ...(idleUnload_minutes === undefined ? {} : { idleUnload_minutes }),
      },
      { logger: createLog("provider") },
    );
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(error instanceof Error ? error.message : String(error), EXIT_CODES.usage, "See umbel provider start --help.", {
      cause: error,
    });
  }
}

function show({ base_url, api_key, models }: DiscoveryRecord, output: Output): void {
  const [model = "sprout"] = models;
  const shown = examples(base_url, api_key ?? NO_KEY, model);
  output.line(`Endpoint: ${base_url}`);
  output.line(`API key: ${api_key ?? "none is asked for"}`);
  output.line(`Models: ${models.join(", ")}`);
  output.line(
    `\n# curl\n${shown.curl}\n\n# TypeScript\n${shown.typescript}\n\n# Anthropic's clients: base URL ${base_url.replace(/\/v1$/, "")}\n`,
  );
}

function portOf(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new CliError(`--port takes a number up to 65535, not "${text}".`, EXIT_CODES.usage);
}

/** As a browser writes it: scheme, name and port, nothing behind. */
function originOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && url.origin !== "null") return url.origin;
  throw new CliError(`"${text}" is not an origin.`, EXIT_CODES.usage, "Write --origin like http://localhost:3000.");
}
