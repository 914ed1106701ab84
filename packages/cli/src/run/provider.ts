import { readFileSync } from "node:fs";
import path from "node:path";
import {
  createModelStore,
  createProviderAgent,
  type EngineChoice,
  ModelError,
  type ProviderAgent,
  ProviderError,
  scriptedEngineScript,
} from "@umbel/provider";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { BUNDLED_MODEL_DIRECTORIES, resolveHome } from "../home.js";
import { createLog } from "../log.js";
import { createOutput, type Output } from "../output.js";
import { announceReady, stopRequested } from "../process/managed.js";

/** How long running answers may go on after the provider was told to stop. */
const DRAIN_ms = 15_000;
export interface StartOptions {
  readonly foreground?: boolean;
  readonly coordinator: string;
  readonly home?: string;
  readonly model: readonly string[];
  readonly token?: string;
  readonly engine: string;
  readonly script?: string;
  readonly sequences: string;
  readonly threads?: string;
  readonly modelsResidentMax?: string;
  readonly modelsMemoryMaxGb?: string;
  readonly privateOnly?: boolean;
  readonly json?: boolean;
}

/** `umbel provider start`: serves until it is told to stop. */
export async function startProvider(options: StartOptions): Promise<void> {
  const output = createOutput(options);
  if (options.foreground !== true) {
    throw new CliError(
      "A provider runs in the foreground only, for now.",
      EXIT_CODES.usage,
      "Add --foreground, and leave the terminal to it or use your service manager.",
    );
  }
  const stop = stopRequested();
  const home = path.join(resolveHome(options.home), "provider");
  const models = await importModels(home, options);
  const token = options.token ?? process.env["UMBEL_PROVIDER_TOKEN"];
  const agent = makeAgent({
    coordinatorUrl: options.coordinator,
    home,
    models: models.map((id) => ({ id, sequences: wholeNumber("--sequences", options.sequences) })),
    engine: engineOf(options),
    privateOnly: options.privateOnly === true,
    ...(options.modelsResidentMax === undefined
      ? {}
      : { modelsResident_max: wholeNumber("--models-resident-max", options.modelsResidentMax) }),
    ...(options.modelsMemoryMaxGb === undefined
      ? {}
      : { modelsMemory_gb_max: gigabytes("--models-memory-max-gb", options.modelsMemoryMaxGb) }),
    ...(token === undefined || token === "" ? {} : { authToken: token }),
  });
  try {
    const first = await Promise.race([agent.start().then(() => "started" as const), stop.then(() => "stopped" as const)]);
    if (first === "started") {
      report(agent, options, output);
      announceReady({});
      const end = await Promise.race([agent.ended, stop]);
      if (end instanceof ProviderError) throw end;
    }
  } catch (error) {
    throw asCliError(error);
  } finally {
    output.note("Finishing what runs …");
    await agent.stop(DRAIN_ms);
  }
}

function makeAgent(options: Parameters<typeof createProviderAgent>[0]): ProviderAgent {
  try {
    return createProviderAgent(options, { logger: createLog("provider") });
  } catch (error) {
    throw new CliError(error instanceof Error ? error.message : String(error), EXIT_CODES.usage, "See umbel provider start --help.", {
      cause: error,
    });
  }
}

/** Ids of what to serve: what was named, else what comes with Umbel and what was downloaded. */
async function importModels(home: string, options: StartOptions): Promise<string[]> {
  const store = createModelStore({ home });
  const isNamed = options.model.length > 0;
  const ids: string[] = [];
  try {
    const stored = (await store.listModels()).filter(({ isStored }) => isStored).map(({ info }) => info.id);
    for (const model of isNamed ? options.model : BUNDLED_MODEL_DIRECTORIES) {
      ids.push(stored.includes(model) ? model : (await store.importModel(path.resolve(model))).info.id);
    }
    return isNamed ? ids : [...new Set([...ids, ...stored])];
  } catch (error) {
    throw asCliError(error);
  }
}

function engineOf(options: StartOptions): EngineChoice {
  if (options.engine === "scripted") return { kind: "scripted", script: readScript(options.script) };
  if (options.engine !== "llama.cpp")
    throw new CliError(`There is no engine "${options.engine}".`, EXIT_CODES.usage, "Use llama.cpp, or scripted for tests.");
  return { kind: "llama.cpp", ...(options.threads === undefined ? {} : { threads_max: wholeNumber("--threads", options.threads) }) };
}

function readScript(file: string | undefined): Record<string, unknown> {
  if (file === undefined) return {};
  try {
    return scriptedEngineScript.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (cause) {
    throw new CliError(
      `${file} is not a script for the engine: ${cause instanceof Error ? cause.message : String(cause)}`,
      EXIT_CODES.usage,
      "Its fields are in packages/provider/README.md.",
      { cause },
    );
  }
}

function report(agent: ProviderAgent, options: StartOptions, output: Output): void {
  const { machineId, models, sandbox, trust, failures } = agent.state();
  output.result({
    machine_id: machineId,
    coordinator: options.coordinator,
    models,
    sandbox,
    trust_level: trust?.trust_level ?? null,
    load_failures: failures,
  });
  output.line(`Serving ${models.join(", ")} for ${options.coordinator} as machine ${machineId ?? "unknown"}.`);
  output.line(
    `Worker confined by: network ${sandbox?.network ?? "none"}, files ${sandbox?.filesystem ?? "none"}, core dumps ${sandbox?.coreDumps ?? "unknown"}.`,
  );
  for (const failure of failures) output.note(`Not loaded: ${failure.build} (${failure.code}: ${failure.message})`);
}

function asCliError(error: unknown): unknown {
  if (error instanceof ModelError)
    return new CliError(error.message, EXIT_CODES.verification, "Check the directory given with --model.", { cause: error });
  if (error instanceof ProviderError) return new CliError(error.message, EXIT_CODES.failure, undefined, { cause: error });
  return error;
}

function gigabytes(option: string, text: string): number {
  if (!/^\d{1,4}(\.\d{1,3})?$/.test(text) || Number(text) <= 0)
    throw new CliError(`${option} takes a number of GiB, not "${text}".`, EXIT_CODES.usage);
  return Number(text);
}

function wholeNumber(option: string, text: string): number {
  if (!/^\d{1,4}$/.test(text)) throw new CliError(`${option} takes a whole number, not "${text}".`, EXIT_CODES.usage);
  return Number(text);
}
