import path from "node:path";
import type { Clock, Posture, TrustStatus, Welcome } from "@umbel/protocol";
import { systemClock } from "@umbel/protocol/native";
import { createPauseFile, FULL_STANCE, nextChange, type PauseFile, StayAwake } from "../guest/index.js";
import type { Logger } from "../session/types.js";
import { AGENT_LIMITS } from "./limits.js";
import { announceModels, openLocalDoor } from "./local-door.js";
import { type AgentOptions, type ProviderDependencies, type ProviderOptions, providerOptions } from "./options.js";
import { assembleParts, type Parts } from "./parts.js";
import { asProviderError, notLoadedError, ProviderError } from "./provider-error.js";
import type { ProviderAgent, ProviderPhase, ProviderState } from "./provider-state.js";
import { Standing } from "./standing.js";
import { SUPERSEDED_SWEEP_ms } from "./superseded-builds.js";
import { tokenInClearTo } from "./token-in-clear.js";
import { watchWakes } from "./wake-watch.js";
import { within } from "./within.js";
import type { Ready, WorkerState } from "./worker-supervisor.js";

/**
 * Makes a provider, which does nothing until it is started.
 *
 * @param options see `providerOptions`
 * @throws ZodError for options that are not valid
 */
export function createProviderAgent(options: ProviderOptions, dependencies: ProviderDependencies): ProviderAgent {
  return new Agent(providerOptions.parse(options), dependencies);
}

/** The life of a provider: in which phase it is, and what moves it to the next. */
class Agent implements ProviderAgent {
  readonly ended: Promise<ProviderError | undefined>;
  readonly #options: AgentOptions;
  readonly #dependencies: ProviderDependencies;
  readonly #clock: Clock;
  readonly #keyDirectory: string;
  readonly #registered: Promise<void>;
  readonly #pauseFile: PauseFile;
  readonly #stayAwake: StayAwake | undefined;
  readonly #standing = new Standing();
  #phase: ProviderPhase = "stopped";
  #wasStarted = false;
  #parts: Parts | undefined;
  #error: ProviderError | undefined;
  #endWakeWatch: () => void = () => undefined;
  #cancelSweep: () => void = () => undefined;
  #settleEnded: (error: ProviderError | undefined) => void = () => undefined;
  #settleRegistered: (error: ProviderError | undefined) => void = () => undefined;

  constructor(options: AgentOptions, dependencies: ProviderDependencies) {
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
    this.#endWatches();
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
    await this.#parts?.troubles.close();
    this.#phase = "stopped";
    this.#settleRegistered(new ProviderError("stopped", "The provider was stopped before it was registered."));
    this.#settleEnded(undefined);
  }

  async posture(): Promise<Posture | undefined> {
    return this.#parts?.report.posture();
  }

  dying(error: unknown): void {
    this.#parts?.troubles.onDying(error);
  }

  state(): ProviderState {
    const { session, supervisor, relay, conduct, monitor, report, endpoint, troubles } = this.#parts ?? {};
    const { ready, machineId, sessionId, trust, runtime, workerState, totals } = this.#standing;
    const stance = conduct?.stance ?? FULL_STANCE;
    const isUp = this.#phase === "serving" || this.#phase === "connecting";
    return {
      phase: isUp && stance.reasons.length > 0 ? "resting" : this.#phase,
      stance,
      readings: monitor?.readings,
      scheduleChange: this.#options.guest?.schedule && nextChange(this.#options.guest.schedule, this.#clock.date()),
      coordinatorUrl: this.#options.coordinatorUrl,
      endpoint: endpoint?.record?.base_url,
      ...{ machineId, sessionId, trust, runtime, totals },
      models: supervisor?.ready?.models.map((model) => model.id) ?? [],
      failures: ready?.failures ?? [],
      slots: workerState?.slots ?? [],
      sandbox: ready?.sandbox,
      memoryTroubles: troubles?.memory ?? [],
      prefixCacheRefusal: supervisor?.prefixCacheRefusal,
      inFlight: report?.inFlight ?? 0,
      answersWait: relay?.holdsAnswers ?? false,
      workerRestarts: supervisor?.restarts ?? 0,
      reconnects: session?.reconnects ?? 0,
      dropped: { ...(session?.dropped ?? { unreadable: 0, unexpected: 0 }) },
      error: this.#error,
    };
  }

  get #isAlone(): boolean {
    return this.#options.coordinatorUrl === undefined;
  }

  async #assemble(): Promise<void> {
    this.#parts = await assembleParts(
      {
        options: this.#options,
        dependencies: this.#dependencies,
        clock: this.#clock,
        keyDirectory: this.#keyDirectory,
        pauseFile: this.#pauseFile,
        standing: this.#standing,
        isWanted: () => this.#phase === "starting",
        supervise: (task) => this.#supervise(task),
      },
      {
        onReady: (ready) => this.#onReady(ready),
        onState: (state) => this.#onState(state),
        onModels: () => this.#announce(),
        onWorkerLost: () => this.#onWorkerLost(),
        onRegistered: (welcome) => this.#onRegistered(welcome),
        onTrust: (status) => this.#onTrust(status),
        onDisconnected: () => {
          if (this.#phase === "serving") this.#phase = "connecting";
        },
        onFailed: (error) => this.#fail(error),
      },
    );
    if (this.#parts === undefined) return;
    const { endpoint, supervisor, monitor, onWake, troubles } = this.#parts;
    // Before the models are loaded, which takes long: an address that is taken should be known at once.
    await openLocalDoor({ endpoint, supervisor, isAlone: this.#isAlone, logger: this.#dependencies.logger });
    this.#supervise(troubles.onStart());
    await monitor.start();
    this.#endWakeWatch = watchWakes({ clock: this.#clock, onWake });
    this.#sweepLater();
    await supervisor.start();
  }

  async #announce(): Promise<void> {
    if (this.#parts === undefined || this.#phase === "draining") return;
    const { endpoint, supervisor } = this.#parts;
    await announceModels({ endpoint, supervisor, isAlone: this.#isAlone, logger: this.#dependencies.logger });
  }

  async #onReady(ready: Ready): Promise<void> {
    const isFirst = this.#standing.ready === undefined;
    await this.#standing.onReady(ready);
    const { logger } = this.#dependencies;
    for (const { build, code, message } of ready.failures) logger.error({ build, code, reason: message }, "a model could not be loaded");
    this.#parts?.troubles.onLoadFailures(ready.failures);
    // A build may have been fetched while there was no worker.
    for (const failure of ready.failures) this.#parts?.builds.onRefused(failure);
    this.#parts?.builds.onModels(ready.models);
    if (ready.models.length > 0) {
      const models = ready.models.map((model) => model.id);
      logger.info(
        { machine: this.#standing.machineId, models, sandbox: ready.sandbox, decode_tps: Math.round(ready.decode_tps) },
        "the worker is ready",
      );
      if (this.#phase === "starting") this.#phase = this.#isAlone ? "serving" : "connecting";
      const { conduct } = this.#parts ?? {};
      this.#supervise(conduct?.onReady() ?? Promise.resolve());
      await this.#announce();
      if (this.#isAlone) this.#settleRegistered(undefined);
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
    const isChanged = this.#standing.onState(state);
    const { session, monitor, builds, report } = this.#parts ?? {};
    const isUp = this.#phase !== "stopped" && this.#phase !== "failed";
    const onBattery = monitor?.readings.battery?.isDischarging === true;
    if (isUp) this.#stayAwake?.onLoad({ inFlight: report?.inFlight ?? 0, onBattery });
    if (this.#phase !== "stopped") this.#supervise(builds?.onResidents(this.#standing.residents) ?? Promise.resolve());
    if (isChanged) session?.beat();
  }

  #onWorkerLost(): void {
    if (this.#phase !== "serving" && this.#phase !== "connecting") return;
    this.#phase = "starting";
    // 1012, service restart (IANA): the key that requests are sealed to is gone.
    this.#supervise(this.#parts?.session.close(1012) ?? Promise.resolve());
  }

  #onRegistered({ session_id }: Welcome): void {
    if (this.#phase === "connecting") this.#phase = "serving";
    this.#dependencies.logger.info({ session: session_id }, "registered with the coordinator");
    this.#settleRegistered(undefined);
  }

  #onTrust({ trust_level, status, reason }: TrustStatus): void {
    const level = status === "untrusted" ? "warn" : "info";
    this.#dependencies.logger[level]({ trust_level, status, reason }, "the coordinator says how far it trusts this machine");
  }

  async #fail(error: ProviderError): Promise<void> {
    if (this.#phase === "failed" || this.#phase === "stopped") return;
    this.#phase = "failed";
    this.#error = error;
    this.#dependencies.logger.error({ code: error.code }, error.message);
    this.#parts?.troubles.onRefused(error.code);
    this.#settleRegistered(error);
    this.#endWatches();
    await this.#parts?.endpoint?.close();
    await this.#parts?.session.close(1000);
    await this.#parts?.supervisor.stop();
    await this.#parts?.troubles.close();
    this.#stayAwake?.stop();
    this.#settleEnded(error);
  }

  #endWatches(): void {
    this.#endWakeWatch();
    this.#cancelSweep();
  }

  /** Again and again for as long as it runs. */
  #sweepLater(): void {
    this.#cancelSweep = this.#clock.setTimer(
      SUPERSEDED_SWEEP_ms,
      () => {
        this.#supervise((this.#parts?.superseded.sweep() ?? Promise.resolve()).then(() => undefined));
        this.#sweepLater();
      },
      "background",
    );
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

function stayAwake(clock: Clock, logger: Logger): StayAwake {
  return new StayAwake({
    clock,
    onUnavailable: (program) =>
      logger.warn({ program }, "the system does not let itself be kept awake; it may fall asleep while it serves"),
  });
}
