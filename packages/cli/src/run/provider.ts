import { readFileSync } from "node:fs";
import path from "node:path";
import type { ReleaseClaims } from "@umbel/protocol";
import { systemClock } from "@umbel/protocol/native";
import {
  ControlError,
  type ControlServer,
  createProviderAgent,
  type DiscoveryRecord,
  type ProviderAgent,
  ProviderError,
  proxyFor,
  readDiscoveryRecord,
  startControl,
} from "@umbel/provider";
import { CliError, EXIT_CODES, HOPELESS_EXIT_CODES } from "../exit-codes.js";
import { resolveHome } from "../home.js";
import { createLog } from "../log.js";
import { createOutput, type Output } from "../output.js";
import { announceReady, stopRequested } from "../process/managed.js";
import { proxyVariables, useProxies } from "../process/use-proxies.js";
import { machineToken } from "../provider/account-link.js";
import { startInBackground } from "../provider/background.js";
import { readConfigFile } from "../provider/config-file.js";
import { controlHandlers } from "../provider/control-handlers.js";
import { givenUp, openCrashGuard } from "../provider/crash-guard.js";
import { type EndpointFlags, endpointFrom } from "../provider/endpoint-choice.js";
import { engineOf } from "../provider/engine-of.js";
import { importModels } from "../provider/import-models.js";
import { restInWords } from "../provider/in-words.js";
import { type ProviderPlaces, providerPlaces } from "../provider/places.js";
import { asCliError } from "../provider/provider-failure.js";
import { type ResolvedSettings, resolveSettings } from "../provider/resolve-settings.js";
import { ownRuntimeHash } from "../update/installation.js";
import { ownUpdates } from "../update/own-updates.js";
import type { RunningProvider } from "../update/running-provider.js";
import { showEndpoint } from "./provider-local.js";
import { setUpOnTerminal } from "./set-up-provider.js";

/** What running answers have left when a signal ends a provider that `umbel up` manages, or one that somebody looks on. */
const SHORT_DRAIN_ms = 15_000;
/** What they have at most when another version takes this one's place. Source: provider.md §18. */
const UPDATE_DRAIN_ms = 120_000;

export interface StartOptions extends EndpointFlags {
  readonly foreground?: boolean;
  /** By a service that would be started again however often it crashes. */
  readonly guarded?: boolean;
  /** Without a coordinator. */
  readonly local?: boolean;
  readonly background?: boolean;
  /** Beside a coordinator; true is the usual address. */
  readonly localEndpoint?: string | boolean;
  readonly config?: string;
  readonly home?: string;
  readonly model: readonly string[];
  readonly token?: string;
  readonly tokenFile?: string;
  readonly engine: string;
  readonly script?: string;
  readonly logFile?: string;
  readonly json?: boolean;
}

/** `umbel provider start`: serves until it is told to stop, in the background unless it is to stay in the terminal. */
export async function startProvider(options: StartOptions): Promise<void> {
  const output = createOutput(options);
  // Settings that are wrong are as hopeless as anything.
  if (options.guarded === true) await guarded(placesAtLeast(options), output, () => startWith(options, output));
  else await startWith(options, output);
}

/** Of settings that are wrong and so say nothing of places: where crashes are counted then. */
function placesAtLeast(options: StartOptions): Pick<ProviderPlaces, "home"> {
  try {
    return providerPlaces(options);
  } catch (error) {
    if (error instanceof CliError) return { home: path.join(resolveHome(options.home), "provider") };
    throw error;
  }
}

async function startWith(options: StartOptions, output: Output): Promise<void> {
  const places = providerPlaces(options);
  const settings = resolveSettings({ ...options }, process.env, readConfigFile(places.configFile));
  for (const warning of settings.warnings) output.note(warning);
  if (options.local === true && options.localEndpoint !== undefined) {
    throw new CliError(
      "--local serves without a coordinator, --local-endpoint beside one.",
      EXIT_CODES.usage,
      "Give one of them; --local takes --bind and --port.",
    );
  }
  if (options.foreground === true || (options.local === true && options.background !== true))
    await serve(options, settings, places, output);
  else {
    if (options.local !== true) await setUpOnTerminal(options, settings, places, output);
    await startInBackground(places, process.argv.slice(2), output);
  }
}

/** Under what would start it again and again: waits longer after each crash, and in the end stays down, which says an exit code of 0. */
async function guarded(places: Pick<ProviderPlaces, "home">, output: Output, run: () => Promise<void>): Promise<void> {
  const guard = openCrashGuard(places);
  if (guard.wait_ms === undefined) {
    output.note(
      `Given up: ${givenUp(places)?.why ?? "it crashed too often"}. See umbel provider doctor; umbel provider restart tries it again.`,
    );
    return;
  }
  if (guard.wait_ms > 0) await new Promise((resolve) => setTimeout(resolve, guard.wait_ms));
  guard.begin();
  try {
    await run();
    guard.end();
  } catch (error) {
    if (!(error instanceof CliError && HOPELESS_EXIT_CODES.includes(error.exitCode))) throw error;
    guard.giveUp(error.message);
    output.note(`umbel: ${error.message}\n  ${error.remedy ?? ""}`);
  }
}

async function serve(options: StartOptions, settings: ResolvedSettings, places: ProviderPlaces, output: Output): Promise<void> {
  const { values } = settings;
  const isLocal = options.local === true;
  const isManaged = process.send !== undefined;
  let grace_ms = isManaged || isLocal ? SHORT_DRAIN_ms : (values.grace_s ?? 0) * 1_000;
  let stopNow: (asked_ms: number) => void = () => undefined;
  const told = new Promise<void>((resolve) => {
    stopNow = (asked_ms) => {
      grace_ms = asked_ms;
      resolve();
    };
  });
  const stop = Promise.race([stopRequested(), told]);
  const variables = proxyVariables(values, process.env);
  await useProxies(variables);
  const models = await importModels(places.store, values.models ?? []);
  const log = createLog("provider", options.logFile ?? (isLocal ? places.log : undefined));
  const agent = makeAgent(
    {
      ...(isLocal ? alone(options, values) : await besideCoordinator(options, settings, places)),
      home: places.home,
      ...(places.store.modelsDirectory !== undefined && { modelsDirectory: places.store.modelsDirectory }),
      models: models.map((id) => ({ id })),
      ...(values.sequences !== undefined && { sequences: values.sequences }),
      ...(values.contextLength_tokens_max !== undefined && { contextLength_tokens_max: values.contextLength_tokens_max }),
      ...(values.memoryReserve_gb !== undefined && { memoryReserve_gb: values.memoryReserve_gb }),
      engine: engineOf(options, values),
      stayAwake: values.stayAwake === true,
      telemetry: values.telemetry === true,
      ...(values.modelsResident_max === undefined ? {} : { modelsResident_max: values.modelsResident_max }),
      ...(values.modelsMemory_gb_max === undefined ? {} : { modelsMemory_gb_max: values.modelsMemory_gb_max }),
      ...(values.idleUnload_minutes === undefined ? {} : { idleUnload_minutes: values.idleUnload_minutes }),
      ...(values.prefixCacheDisk_gb_max === undefined ? {} : { prefixCacheDisk_gb_max: values.prefixCacheDisk_gb_max }),
      ...(values.modelsDisk_gb_max === undefined ? {} : { modelsDisk_gb_max: values.modelsDisk_gb_max }),
      ...(values.modelsMirror === undefined ? {} : { modelsMirror: values.modelsMirror }),
      ...(values.fetch_mbps_max === undefined ? {} : { fetch_mbps_max: values.fetch_mbps_max }),
    },
    { logger: log, proxyFor: (address) => proxyFor(address, variables) },
  );
  // Watches only: what an error does to the process stays as it is.
  process.on("uncaughtExceptionMonitor", (error) => agent.dying(error));
  const updates = await ownUpdates({
    ...{ clock: systemClock, random: Math.random, log, agent, home: options, coordinator: values.coordinatorUrl ?? "" },
    // The file may have changed since.
    wanted: () => {
      const { values: now } = resolveSettings({ ...options }, process.env, readConfigFile(places.configFile));
      return { isOn: now.autoUpdate === true, channel: now.updateChannel ?? "stable" };
    },
  });
  const now = () => new Date();
  const told_of = { agent, settings, startedAt: now(), now, stop: stopNow, updates: updates.state };
  const control = await listen(places.home, controlHandlers(told_of));
  let successor: { readonly claims: ReleaseClaims; readonly running: RunningProvider } | undefined;
  try {
    if (isLocal) output.note("Loading the models …");
    const started = agent.start().then(() => "started" as const);
    const stopped = stop.then(() => "stopped" as const);
    let first: "started" | "stopped" | "overdue" = await Promise.race([started, stopped, updates.overdue]);
    if (first !== "stopped") await updates.settle(first === "started");
    if (first === "overdue") first = await Promise.race([started, stopped]);
    if (first === "started") {
      const record = await readDiscoveryRecord(places.home);
      if (isLocal && record !== undefined) reportLocal(agent, record, output);
      else report(agent, output);
      announceReady(isLocal && record !== undefined ? { url: record.base_url } : {});
      const next = isLocal || isManaged ? new Promise<never>(() => undefined) : updates.watch();
      const end = await Promise.race([agent.ended, stop, next]);
      if (end instanceof ProviderError) throw end;
      const running = end === undefined ? undefined : await updates.running();
      if (end !== undefined && running !== undefined) {
        successor = { claims: end, running };
        grace_ms = UPDATE_DRAIN_ms;
      }
    }
  } catch (error) {
    throw asCliError(error);
  } finally {
    output.note("Finishing what runs …");
    updates.stop();
    await agent.stop(grace_ms);
    await control.close();
  }
  if (successor !== undefined) process.exitCode = await updates.handOver(successor.claims, successor.running);
}

/** The owner is the consumer: what makes way for a person at the machine would make way for nobody. Memory that runs out still counts. */
function alone(options: StartOptions, { grace_s }: ResolvedSettings["values"]): Partial<AgentOptions> {
  return {
    local: endpointFrom(options),
    guest: {
      on_battery: "serve",
      battery_percent_min: 0,
      on_metered: "fetch",
      ...(grace_s !== undefined && { grace_ms: grace_s * 1_000 }),
    },
  };
}

async function besideCoordinator(
  options: StartOptions,
  { values, guest, location }: ResolvedSettings,
  { home, log }: ProviderPlaces,
): Promise<Partial<AgentOptions>> {
  const token = await machineToken(home, values.coordinatorUrl, options.token ?? readToken(options.tokenFile));
  const runtimeHash = await ownRuntimeHash();
  return {
    coordinatorUrl: values.coordinatorUrl ?? "",
    privateOnly: values.privateOnly === true,
    ...(values.autoReport === true && { autoReportLog: log }),
    ...(location !== undefined && { location }),
    ...(runtimeHash !== undefined && { runtimeHash }),
    guest,
    ...(values.localEndpoint !== undefined && { local: endpointFrom(options, addressOf(options, values.localEndpoint)) }),
    ...(token === undefined ? {} : { authToken: token }),
  };
}

/** `--local-endpoint` without an address leaves it to `--bind` and `--port`. */
function addressOf({ localEndpoint }: StartOptions, address: string): string | undefined {
  return localEndpoint === true ? undefined : address;
}

async function listen(home: string, handlers: ReturnType<typeof controlHandlers>): Promise<ControlServer> {
  try {
    return await startControl(home, handlers);
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
    throw new CliError(error.message, EXIT_CODES.failure, "See it with umbel provider status, or give this one another --home.", {
      cause: error,
    });
  }
}

type AgentOptions = Parameters<typeof createProviderAgent>[0];

function makeAgent(options: AgentOptions, dependencies: Parameters<typeof createProviderAgent>[1]): ProviderAgent {
  try {
    return createProviderAgent(options, dependencies);
  } catch (error) {
    throw new CliError(error instanceof Error ? error.message : String(error), EXIT_CODES.usage, "See umbel provider start --help.", {
      cause: error,
    });
  }
}

function readToken(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  try {
    return readFileSync(file, "utf8").trim();
  } catch (cause) {
    const remedy = "Write the provider token into it, readable for you alone.";
    throw new CliError(`${file} cannot be read.`, EXIT_CODES.configuration, remedy, { cause });
  }
}

function reportLocal(agent: ProviderAgent, record: DiscoveryRecord, output: Output): void {
  const { failures, stance } = agent.state();
  output.result(record);
  showEndpoint(record, output);
  for (const failure of failures) output.note(`Not loaded: ${failure.build} (${failure.code}: ${failure.message})`);
  for (const reason of stance.reasons) output.note(`Takes no work for now: ${restInWords(reason)}.`);
  output.line("Ctrl-C stops it; umbel provider status, pause, logs and stop know it, too.");
}

function report(agent: ProviderAgent, output: Output): void {
  const { machineId, models, sandbox, trust, failures, coordinatorUrl, endpoint, stance } = agent.state();
  output.result({
    machine_id: machineId,
    coordinator: coordinatorUrl,
    endpoint: endpoint ?? null,
    models,
    sandbox,
    trust_level: trust?.trust_level ?? null,
    load_failures: failures,
    rest_reasons: stance.reasons,
  });
  output.line(`Serving ${models.join(", ")} for ${coordinatorUrl} as machine ${machineId ?? "unknown"}.`);
  if (endpoint !== undefined) output.line(`This machine's own programs ask at ${endpoint}; umbel provider local shows the key.`);
  output.line(
    `Worker confined by: network ${sandbox?.network ?? "none"}, files ${sandbox?.filesystem ?? "none"}, core dumps ${sandbox?.coreDumps ?? "unknown"}.`,
  );
  for (const reason of stance.reasons) output.note(`Takes no work for now: ${restInWords(reason)}.`);
  for (const failure of failures) output.note(`Not loaded: ${failure.build} (${failure.code}: ${failure.message})`);
}
