import { mkdir } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import {
  type Clock,
  deviceThumbprint,
  type Hardware,
  type Heartbeat,
  type Register,
  type TrustStatus,
  type Welcome,
} from "@umbel/protocol";
import { systemClock } from "@umbel/protocol/native";
import type { z } from "zod";
import { findConfinement } from "../evidence/confinement.js";
import {
  createGuestMonitor,
  createPauseFile,
  FULL_STANCE,
  type GuestMonitor,
  nextChange,
  type PauseFile,
  type Stance,
  StayAwake,
} from "../guest/index.js";
import { EndpointError, LocalEndpoint } from "../local/index.js";
import { readHardware } from "../machine/facts.js";
import { measureMemoryBandwidth_gbs } from "../machine/memory-bandwidth.js";
import { readMetrics } from "../machine/metrics.js";
import { storeLayout } from "../models/disk/store-layout.js";
import { createModelLibrary, type ModelLibrary } from "../models/model-library.js";
import { createModelStore } from "../models/model-store.js";
import { SourceError } from "../models/sources/source-error.js";
import { NO_SESSION } from "../session/no-session.js";
import { createSession, type Session } from "../session/session.js";
import type { Logger } from "../session/types.js";
import { Conduct } from "./conduct.js";
import { AGENT_LIMITS } from "./limits.js";
import { ModelCommands } from "./model-commands.js";
import { OfferedBuilds } from "./offered-builds.js";
import { type ProviderDependencies, type ProviderOptions, providerOptions } from "./options.js";
import { asProviderError, notLoadedError, ProviderError, startFailureError } from "./provider-error.js";
import type { ProviderAgent, ProviderPhase, ProviderState } from "./provider-state.js";
import { Relay } from "./relay.js";
import { heartbeatMessage, NO_TOTALS, registerMessage, sumTotals, type Totals } from "./reports.js";
import { selectModels } from "./select-models.js";
import { readMeasuredRates } from "./stored-rates.js";
import { tokenInClearTo } from "./token-in-clear.js";
import { providerVersion } from "./version.js";
import { within } from "./within.js";
import { type Ready, type WorkerState, WorkerSupervisor } from "./worker-supervisor.js";

/** The worker's entry in this package. */
const ownWorkerEntry = fileURLToPath(new URL("../worker/main.js", import.meta.url));

/**
 * Makes a provider, which does nothing until it is started.
 *
 * @param options see `providerOptions`
 * @throws ZodError for options that are not valid
 */
export function createProviderAgent(options: ProviderOptions, dependencies: ProviderDependencies): ProviderAgent {
  return new Agent(providerOptions.parse(options), dependencies);
}

interface Parts {
  readonly session: Session;
  readonly supervisor: WorkerSupervisor;
  readonly relay: Relay;
  readonly commands: ModelCommands;
  readonly builds: OfferedBuilds;
  readonly conduct: Conduct;
  readonly monitor: GuestMonitor;
  readonly hardware: Hardware;
  readonly endpoint: LocalEndpoint | undefined;
}

class Agent implements ProviderAgent {
  readonly ended: Promise<ProviderError | undefined>;
  readonly #options: z.output<typeof providerOptions>;
  readonly #dependencies: ProviderDependencies;
  readonly #clock: Clock;
  readonly #keyDirectory: string;
  readonly #registered: Promise<void>;
  readonly #pauseFile: PauseFile;
  readonly #stayAwake: StayAwake | undefined;
  #phase: ProviderPhase = "stopped";
  #wasStarted = false;
  #parts: Parts | undefined;
  #ready: Ready | undefined;
  #machineId: string | undefined;
  #sessionId: string | undefined;
  #trust: TrustStatus | undefined;
  #workerState: WorkerState | undefined;
  #pastTotals: Totals = NO_TOTALS;
  #error: ProviderError | undefined;
  #settleEnded: (error: ProviderError | undefined) => void = () => undefined;
  #settleRegistered: (error: ProviderError | undefined) => void = () => undefined;

  constructor(options: z.output<typeof providerOptions>, dependencies: ProviderDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
    this.#clock = dependencies.clock ?? systemClock;
    this.#keyDirectory = path.join(options.home, "keys");
    this.#pauseFile = createPauseFile(options.home);
    this.#stayAwake = options.stayAwake ? stayAwake(this.#clock, dependencies.logger) : undefined;
    this.ended = new Promise((resolve) => {
      this.#settleEnded = resolve;
    });
    this.#registered = new Promise((resolve, reject) => {
      this.#settleRegistered = (error) => (error === undefined ? resolve() : reject(error));
    });
    // Whoever calls `start` hears of it there.
    this.#registered.catch(() => undefined);
  }

  async start(): Promise<void> {
    if (this.#wasStarted) throw new ProviderError("already_started", "A provider is started once; make another one.");
    this.#wasStarted = true;
    this.#phase = "starting";
    this.#warnOfPlainToken();
    try {
      await this.#assemble();
    } catch (error) {
      await this.#fail(asProviderError(error, this.#keyDirectory));
    }
    return this.#registered;
  }

  async pause(until_ms: number): Promise<void> {
    await this.#pauseFile.write(until_ms);
    this.#parts?.monitor.pause(until_ms);
    this.#dependencies.logger.info({ until_ms }, until_ms > 0 ? "the provider is paused" : "the provider goes on");
  }

  resume(): Promise<void> {
    return this.pause(0);
  }

  async stop(grace_ms = 0): Promise<void> {
    if (this.#phase === "failed") return;
    this.#phase = "draining";
    this.#parts?.monitor.stop();
    const { session, supervisor, relay, commands, endpoint } = this.#parts ?? {};
    const fetched = commands?.drain() ?? Promise.resolve();
    const idle = Promise.all([relay?.drain(), endpoint?.requests.drain()]);
    await within(this.#clock, grace_ms, idle);
    relay?.cancelAll();
    endpoint?.requests.cancelAll();
    await within(this.#clock, AGENT_LIMITS.cancelled_ms, idle);
    await within(this.#clock, AGENT_LIMITS.fetchStopped_ms, fetched);
    await endpoint?.close();
    await session?.close(1001);
    await supervisor?.stop();
    this.#stayAwake?.stop();
    await this.#parts?.builds.onResidents([]);
    this.#phase = "stopped";
    this.#settleRegistered(new ProviderError("stopped", "The provider was stopped before it was registered."));
    this.#settleEnded(undefined);
  }

  state(): ProviderState {
    const { session, supervisor, conduct, monitor, endpoint } = this.#parts ?? {};
    const stance = conduct?.stance ?? FULL_STANCE;
    const isUp = this.#phase === "serving" || this.#phase === "connecting";
    return {
      phase: isUp && stance.reasons.length > 0 ? "resting" : this.#phase,
      stance,
      readings: monitor?.readings,
      scheduleChange: this.#options.guest?.schedule && nextChange(this.#options.guest.schedule, this.#clock.date()),
      coordinatorUrl: this.#options.coordinatorUrl,
      endpoint: endpoint?.record?.base_url,
      machineId: this.#machineId,
      sessionId: this.#sessionId,
      trust: this.#trust,
      models: supervisor?.ready?.models.map((model) => model.id) ?? [],
      failures: this.#ready?.failures ?? [],
      slots: this.#workerState?.slots ?? [],
      sandbox: this.#ready?.sandbox,
      inFlight: this.#inFlight(),
      totals: this.#totals(),
      workerRestarts: supervisor?.restarts ?? 0,
      reconnects: session?.reconnects ?? 0,
      dropped: { ...(session?.dropped ?? { unreadable: 0, unexpected: 0 }) },
      error: this.#error,
    };
  }

  async #assemble(): Promise<void> {
    const { home, engine, models: wanted, coordinatorUrl, local } = this.#options;
    const { logger, random = Math.random, workerEntry: entry = ownWorkerEntry } = this.#dependencies;
    const { modelsResident_max: residentModels_max, modelsMemory_gb_max, idleUnload_minutes } = this.#options;
    const library = this.#library();
    const models = await selectModels(wanted, engine.kind, library.store);
    const modelsDirectory = storeLayout(home).root;
    await mkdir(modelsDirectory, { recursive: true });
    const [confinement, hardware] = await Promise.all([findConfinement(), readHardware()]);
    const infos = models.map(({ info }) => info);
    const measured = await readMeasuredRates(home, infos, engine, hardware);
    const described = { ...hardware, memory_bandwidth_gbs: measureMemoryBandwidth_gbs(() => this.#clock.now_ms()) };
    if (this.#phase !== "starting") return;
    const clock = this.#clock;
    const supervisor = new WorkerSupervisor({
      ...{ entry, engine, models, modelsDirectory, confinement, clock, random, logger },
      ...{ measured, keyDirectory: this.#keyDirectory },
      ...(residentModels_max !== undefined && { residentModels_max }),
      ...(modelsMemory_gb_max !== undefined && { modelsMemory_bytes_max: modelsMemory_gb_max * 2 ** 30 }),
      ...(idleUnload_minutes > 0 && { idleUnload_ms: idleUnload_minutes * 60_000 }),
      onReady: (ready) => this.#supervise(this.#onReady(ready)),
      onState: (state) => this.#onState(state),
      onLoadStatus: (status) => commands.onLoadStatus(status),
      onModels: (models) => {
        commands.onModels(models);
        builds.onModels(models);
        this.#supervise(this.#announce());
      },
      onOfferRefused: (failure) => builds.onRefused(failure),
      // Each knows its own requests and leaves the others alone.
      onForward: (message) => {
        relay.onForward(message);
        endpoint?.requests.onForward(message);
      },
      onFrame: (frame) => {
        relay.onFrame(frame);
        endpoint?.requests.onFrame(frame);
      },
      onLost: () => this.#onWorkerLost(),
      onFailed: (code) => this.#supervise(this.#fail(startFailureError(code, this.#keyDirectory))),
    });
    const session =
      coordinatorUrl === undefined
        ? NO_SESSION
        : createSession({
            ...{ coordinatorUrl, clock, random, logger },
            handlers: {
              register: () => this.#register(described),
              signChallenge: (challenge, sessionId) => supervisor.sign({ type: "sign_challenge", challenge, sessionId }),
              heartbeat: () => this.#heartbeat(hardware),
              onRegistered: (welcome) => this.#onRegistered(welcome),
              onRequest: (request) => relay.onRequest(request),
              onBody: (frame) => relay.onBody(frame),
              onCancel: (id) => relay.onCancel(id),
              onTrust: (status) => this.#onTrust(status),
              onModels: (message) => this.#supervise(commands.onMessage(message)),
              onGoingAway: () => relay.onGoingAway(),
              onDrained: () => relay.onDrained(),
              onDisconnected: () => this.#onDisconnected(),
            },
            onRefused: (error) => this.#supervise(this.#fail(new ProviderError(error.code, error.message, { cause: error }))),
          });
    const relay = new Relay(session, supervisor);
    const builds = new OfferedBuilds({ home, library, worker: supervisor, wanted: () => commands.wanted });
    const commands = new ModelCommands({ coordinator: session, worker: supervisor, builds, clock, logger });
    const endpoint =
      local &&
      new LocalEndpoint({
        ...{ home, clock, logger, version: providerVersion },
        options: local,
        worker: supervisor,
        figures: () => this.#figures(),
      });
    const residents = () => this.#workerState?.slots.map(({ model }) => model) ?? [];
    const conduct = new Conduct({ session, relay, local: endpoint?.requests, commands, clock, worker: supervisor, residents });
    const monitor = await this.#watchHost((stance) => conduct.adopt(stance));
    this.#parts = { session, supervisor, relay, commands, builds, conduct, monitor, hardware, endpoint };
    // Before the models are loaded, which takes long: an address that is taken should be known at once.
    await this.#listen(endpoint);
    await monitor.start();
    await supervisor.start();
  }

  #library(): Pick<ModelLibrary, "store" | "fetchModel"> {
    const { home, coordinatorUrl, modelsDisk_gb_max, fetch_mbps_max } = this.#options;
    if (coordinatorUrl === undefined) return { store: createModelStore({ home }), fetchModel: nothingToFetchFrom };
    return createModelLibrary({
      ...{ home, coordinatorUrl, clock: this.#clock },
      ...(modelsDisk_gb_max !== undefined && { disk_bytes_max: modelsDisk_gb_max * 1e9 }),
      ...(fetch_mbps_max !== undefined && { bandwidth_bytes_per_s: (fetch_mbps_max * 1e6) / 8 }),
    });
  }

  /** Beside a coordinator the machine earns without its endpoint too, and its owner is told. */
  async #listen(endpoint: LocalEndpoint | undefined): Promise<void> {
    try {
      await endpoint?.listen();
    } catch (error) {
      if (this.#options.coordinatorUrl === undefined || !(error instanceof EndpointError)) throw error;
      this.#dependencies.logger.error({ code: error.code, reason: error.message }, "the local endpoint does not listen");
    }
  }

  /** The models of the local endpoint are those of the worker. */
  async #announce(): Promise<void> {
    const { endpoint, supervisor } = this.#parts ?? {};
    if (endpoint?.isListening !== true || supervisor === undefined || this.#phase === "draining") return;
    const offered = new Map(supervisor.ready?.models.map((info) => [info.id, info]));
    const { base_url, models } = await endpoint.announce(
      supervisor.models.flatMap((model) => {
        const info = offered.get(model.info.id);
        return info === undefined ? [] : [{ ...model, info }];
      }),
    );
    this.#dependencies.logger.info({ base_url, models }, "the local endpoint answers");
  }

  async #watchHost(adopt: (stance: Stance) => Promise<void>): Promise<GuestMonitor> {
    const { guest } = this.#options;
    const { guestSources, logger } = this.#dependencies;
    return createGuestMonitor({
      rules: guest,
      clock: this.#clock,
      pausedUntil_ms: await this.#pauseFile.read(),
      onChange: (stance) => {
        logger.info(
          { reasons: stance.reasons, share: stance.share },
          stance.reasons.length > 0 ? "the machine rests" : "the machine serves",
        );
        this.#supervise(adopt(stance));
      },
      ...(guestSources !== undefined && { sources: guestSources }),
    });
  }

  async #onReady(ready: Ready): Promise<void> {
    const isFirst = this.#ready === undefined;
    this.#ready = ready;
    this.#machineId = await deviceThumbprint(ready.device_key);
    const { logger } = this.#dependencies;
    for (const { build, code, message } of ready.failures) logger.error({ build, code, reason: message }, "a model could not be loaded");
    // A build may have been fetched while there was no worker.
    for (const failure of ready.failures) this.#parts?.builds.onRefused(failure);
    this.#parts?.builds.onModels(ready.models);
    if (ready.models.length > 0) {
      const models = ready.models.map((model) => model.id);
      logger.info(
        { machine: this.#machineId, models, sandbox: ready.sandbox, decode_tps: Math.round(ready.decode_tps) },
        "the worker is ready",
      );
      const isAlone = this.#options.coordinatorUrl === undefined;
      if (this.#phase === "starting") this.#phase = isAlone ? "serving" : "connecting";
      const { conduct } = this.#parts ?? {};
      this.#supervise(conduct?.onReady() ?? Promise.resolve());
      await this.#announce();
      if (isAlone) this.#settleRegistered(undefined);
      if (conduct?.stance.keepsConnection === false) this.#settleRegistered(undefined);
    } else if (isFirst) {
      await this.#fail(notLoadedError(ready.failures));
    } else {
      // They could be loaded before, so it is worth trying again with a fresh worker.
      this.#parts?.supervisor.send({ type: "shutdown" });
    }
  }

  /** Which models are in memory decides where requests go, so the coordinator hears of it at once. */
  #onState(state: WorkerState): void {
    const before = this.#workerState;
    this.#workerState = state;
    const isUp = this.#phase !== "stopped" && this.#phase !== "failed";
    const onBattery = this.#parts?.monitor.readings.battery?.isDischarging === true;
    if (isUp) this.#stayAwake?.onLoad({ inFlight: this.#inFlight(), onBattery });
    if (this.#phase !== "stopped")
      this.#supervise(this.#parts?.builds.onResidents(state.slots.map(({ model }) => model)) ?? Promise.resolve());
    if (before !== undefined && residents(before) !== residents(state)) this.#parts?.session.beat();
  }

  #onWorkerLost(): void {
    this.#pastTotals = this.#totals();
    this.#workerState = undefined;
    this.#parts?.relay.onWorkerLost();
    this.#parts?.endpoint?.requests.onWorkerLost();
    if (this.#phase === "serving" || this.#phase === "connecting") {
      this.#phase = "starting";
      // 1012, service restart (IANA): the key that requests are sealed to is gone.
      this.#supervise(this.#parts?.session.close(1012) ?? Promise.resolve());
    }
  }

  #onRegistered(welcome: Welcome): void {
    this.#sessionId = welcome.session_id;
    if (this.#phase === "connecting") this.#phase = "serving";
    this.#dependencies.logger.info({ session: welcome.session_id }, "registered with the coordinator");
    this.#settleRegistered(undefined);
  }

  #onDisconnected(): void {
    this.#sessionId = undefined;
    this.#trust = undefined;
    if (this.#phase === "serving") this.#phase = "connecting";
    this.#parts?.relay.onDisconnected();
  }

  #onTrust(status: TrustStatus): void {
    this.#trust = status;
    const { trust_level, reason } = status;
    const level = status.status === "untrusted" ? "warn" : "info";
    this.#dependencies.logger[level]({ trust_level, status: status.status, reason }, "the coordinator says how far it trusts this machine");
  }

  async #register(hardware: Hardware): Promise<Register> {
    const { supervisor } = this.#parts ?? {};
    const ready = supervisor?.ready;
    const attestation = await supervisor?.sign({ type: "sign_registration", claims: { version: providerVersion } });
    if (ready === undefined || attestation === undefined) throw new Error("there is no worker to register");
    const { authToken, privateOnly } = this.#options;
    return registerMessage({ ready, attestation, hardware, authToken, privateOnly });
  }

  async #heartbeat(hardware: Hardware): Promise<Heartbeat> {
    const { supervisor } = this.#parts ?? {};
    return heartbeatMessage({
      isServing: this.#inFlight() > 0,
      totals: this.#totals(),
      workerRestarts: supervisor?.restarts ?? 0,
      metrics: await readMetrics(),
      state: this.#workerState,
      ordinals: this.#parts?.relay.ordinals,
      memory_gb: hardware.memory_gb,
      residentModels_max: this.#options.modelsResident_max,
      stance: this.#parts?.conduct.stance ?? FULL_STANCE,
    });
  }

  #inFlight(): number {
    const { relay, endpoint } = this.#parts ?? {};
    return (relay?.inFlight ?? 0) + (endpoint?.requests.inFlight ?? 0);
  }

  #figures() {
    const { supervisor, conduct } = this.#parts ?? {};
    return {
      ...this.#totals(),
      slots: this.#workerState?.slots ?? [],
      workerRestarts: supervisor?.restarts ?? 0,
      rests: (conduct?.stance.reasons.length ?? 0) > 0,
    };
  }

  #totals(): Totals {
    return this.#workerState === undefined ? this.#pastTotals : sumTotals(this.#pastTotals, this.#workerState);
  }

  async #fail(error: ProviderError): Promise<void> {
    if (this.#phase === "failed" || this.#phase === "stopped") return;
    this.#phase = "failed";
    this.#error = error;
    this.#dependencies.logger.error({ code: error.code }, error.message);
    this.#settleRegistered(error);
    await this.#parts?.endpoint?.close();
    await this.#parts?.session.close(1000);
    await this.#parts?.supervisor.stop();
    this.#stayAwake?.stop();
    this.#settleEnded(error);
  }

  #warnOfPlainToken(): void {
    const { coordinatorUrl, authToken } = this.#options;
    const hostname = coordinatorUrl === undefined || authToken === undefined ? undefined : tokenInClearTo(coordinatorUrl);
    if (hostname !== undefined) this.#dependencies.logger.warn({ hostname }, "the provider token travels unencrypted; use https");
  }

  #supervise(task: Promise<void>): void {
    task.catch((error: unknown) => {
      this.#dependencies.logger.error({ cause: error instanceof Error ? error.name : typeof error }, "a step of the provider failed");
    });
  }
}

function residents({ slots }: WorkerState): string {
  return JSON.stringify(slots.map(({ model }) => model).sort());
}

function stayAwake(clock: Clock, logger: Logger): StayAwake {
  return new StayAwake({
    clock,
    onUnavailable: (program) =>
      logger.warn({ program }, "the system does not let itself be kept awake; it may fall asleep while it serves"),
  });
}

async function nothingToFetchFrom(): Promise<never> {
  throw new SourceError("not_found", "There is no coordinator to fetch models from.");
}
