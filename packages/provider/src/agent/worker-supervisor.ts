import type { Clock, LoadModelStatus, ModelInfo } from "@umbel/protocol";
import type { Confinement } from "../evidence/confinement.js";
import { KeyDirectoryError, prepareKeyDirectory } from "../evidence/key-directory.js";
import { launchCommand } from "../evidence/launch-command.js";
import { createBackoff } from "../session/backoff.js";
import type { Logger } from "../session/types.js";
import type {
  EngineChoice,
  FromWorker,
  LoadFailure,
  StartFailure,
  TextResult,
  TextWork,
  ToWorker,
  WorkerModel,
} from "../worker/pipe-messages.js";
import { scratchFiles } from "../worker/prefix-cache/scratch.js";
import { createFatalLoads } from "./fatal-loads.js";
import { AGENT_LIMITS } from "./limits.js";
import { PendingAnswers } from "./pending-answers.js";
import type { PrefixCacheFolder } from "./prefix-cache-folder.js";
import { startWorkerProcess, type WorkerEnd, type WorkerProcess } from "./worker-process.js";

export type Ready = Extract<FromWorker, { type: "ready" }>;
export type WorkerState = Extract<FromWorker, { type: "state" }>;
export type Forwarded = Extract<FromWorker, { type: "forward" }>["message"];

export interface SupervisorOptions {
  /** Absolute path of the worker's entry module. */
  readonly entry: string;
  readonly keyDirectory: string;
  readonly engine: EngineChoice;
  /** What to begin with. */
  readonly models: readonly WorkerModel[];
  /** Folder in which further models will lie; the worker may read it. Absent where none are offered. */
  readonly modelsDirectory?: string;
  /** Models in memory at once, and what they may take together; absent is as much as fits. */
  readonly residentModels_max?: number;
  readonly modelsMemory_bytes_max?: number;
  /** What models leave free of the machine's memory in any case. */
  readonly memoryReserve_bytes?: number;
  /** A model that was not used for so long leaves memory; absent is never. */
  readonly idleUnload_ms?: number;
  /** Rates that a benchmark has found, by build. */
  readonly measured?: NonNullable<Extract<ToWorker, { type: "start" }>["measured"]>;
  /** Where the worker keeps prompts on the disk, encrypted; absent is nowhere. */
  readonly prefixCache?: PrefixCacheFolder | undefined;
  readonly confinement: Confinement;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly logger: Logger;
  readonly onReady: (ready: Ready) => void;
  readonly onState: (state: WorkerState) => void;
  readonly onForward: (message: Forwarded) => void;
  readonly onLoadStatus: (status: LoadModelStatus) => void;
  /** What the worker offers has changed since it was ready; `ready` holds it already. */
  readonly onModels: (models: readonly ModelInfo[]) => void;
  /** The worker does not take on what it was offered. */
  readonly onOfferRefused?: (failure: LoadFailure) => void;
  readonly onFrame: (frame: Uint8Array) => void;
  /** The worker is gone, with everything it was doing. Another one follows. */
  readonly onLost: () => void;
  /** How a worker came to its end that nobody had asked to leave. */
  readonly onEnded?: (end: WorkerEnd) => void;
  /** No worker can start, however often it is tried. */
  readonly onFailed: (code: StartFailure) => void;
}

/** Keeps one worker alive: starts it, notices its end, and starts another after a pause that grows while they keep dying. */
export class WorkerSupervisor {
  readonly #options: SupervisorOptions;
  readonly #backoff;
  readonly #fatalLoads = createFatalLoads();
  readonly #signatures: PendingAnswers<string>;
  readonly #texts: PendingAnswers<TextResult>;
  #models: readonly WorkerModel[];
  #worker: WorkerProcess | undefined;
  #ready: Ready | undefined;
  #readySince_ms = 0;
  #isStopped = false;
  #usesPermissionModel = true;
  #restarts = 0;
  #requestsGiven = 0;
  #cancelRestart: () => void = () => undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#models = options.models;
    this.#signatures = new PendingAnswers(options.clock, AGENT_LIMITS.signature_ms);
    this.#texts = new PendingAnswers(options.clock, AGENT_LIMITS.textWork_ms);
    this.#backoff = createBackoff({
      first_ms: AGENT_LIMITS.restart_first_ms,
      max_ms: AGENT_LIMITS.restart_ms_max,
      min_ms: AGENT_LIMITS.restart_ms_min,
      random: options.random,
    });
  }

  /** Undefined while no worker is ready. */
  get ready(): Ready | undefined {
    return this.#ready;
  }

  /** What this worker and those that follow are given. */
  get models(): readonly WorkerModel[] {
    return this.#models;
  }

  /** Of the present worker's process; undefined while there is none. */
  get pid(): number | undefined {
    return this.#worker?.pid;
  }

  /** Workers started in place of one that died. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Requests that the present worker was given, whoever asked. */
  get requestsGiven(): number {
    return this.#requestsGiven;
  }

  /** Why no prompts are kept on the disk although the owner has granted room; undefined where they are, or none was granted. */
  get prefixCacheRefusal(): string | undefined {
    return this.#options.prefixCache?.refusal;
  }

  get isCongested(): boolean {
    return this.#worker?.pipe.congested ?? false;
  }

  /** @throws KeyDirectoryError */
  async start(): Promise<void> {
    const { keyDirectory, confinement, entry, modelsDirectory, engine, clock } = this.#options;
    const models = this.#models;
    const { hasKey } = await prepareKeyDirectory(keyDirectory);
    const prefixCache = await this.#options.prefixCache?.prepare();
    if (this.#isStopped) return;
    const command = launchCommand({
      confinement: this.#usesPermissionModel ? confinement : { ...confinement, permissionFlag: undefined },
      entry,
      readable: [
        keyDirectory,
        ...(modelsDirectory === undefined ? [] : [modelsDirectory]),
        ...models.flatMap((model) => model.artifact?.directory ?? []),
        ...(prefixCache === undefined ? [] : [prefixCache.directory]),
      ],
      writable: [...(hasKey ? [] : [keyDirectory]), ...(prefixCache === undefined ? [] : [prefixCache.directory])],
      files: prefixCache === undefined ? [] : scratchFiles(prefixCache),
    });
    this.#requestsGiven = 0;
    this.#worker = startWorkerProcess({
      command,
      clock,
      onMessage: (message) => this.#onMessage(message),
      onFrame: this.#options.onFrame,
      onEnd: (end) => this.#onEnd(end),
    });
    const { residentModels_max, modelsMemory_bytes_max, memoryReserve_bytes, idleUnload_ms, measured } = this.#options;
    this.#worker.pipe.sendControl({
      ...{ type: "start", keyDirectory, engine, models: models.filter(({ info }) => !this.#fatalLoads.isLeftOut(info.id)) },
      ...(idleUnload_ms !== undefined && { idleUnload_ms }),
      ...(measured !== undefined && { measured }),
      ...(prefixCache !== undefined && { prefixCache }),
      ...(residentModels_max !== undefined && { residentModels_max }),
      ...(modelsMemory_bytes_max !== undefined && { modelsMemory_bytes_max }),
      ...(memoryReserve_bytes !== undefined && { memoryReserve_bytes }),
    });
  }

  /** One more model, or another version of one; also for the workers that follow. */
  offer(model: WorkerModel): void {
    this.#models = [...this.#models.filter(({ info }) => info.id !== model.info.id), model];
    this.send({ type: "offer_model", model });
  }

  /** A model is served no longer, by this worker or those that follow. */
  withdraw(build: string): void {
    this.#models = this.#models.filter(({ info }) => info.id !== build);
    this.send({ type: "withdraw_model", model_id: build });
  }

  send(message: ToWorker): void {
    if (message.type === "inference_request") this.#requestsGiven++;
    this.#worker?.pipe.sendControl(message);
  }

  sendFrame(frame: Uint8Array): void {
    this.#worker?.pipe.sendWire(frame);
  }

  /** Resolves when the worker takes more, or is gone. */
  async drained(): Promise<void> {
    await this.#worker?.pipe.drained();
  }

  pause(): void {
    this.#worker?.pipe.pause();
  }

  resume(): void {
    this.#worker?.pipe.resume();
  }

  /** A signature by the worker; undefined when it refuses or there is none in time. */
  sign(request: DistributiveOmit<Extract<ToWorker, { type: "sign_registration" | "sign_challenge" }>, "id">): Promise<string | undefined> {
    return this.#signatures.ask((id) => this.#askWorker({ ...request, id }));
  }

  /** What a model in memory makes of a text; undefined when the worker does not answer. */
  askTextWork(model_id: string, work: TextWork): Promise<TextResult | undefined> {
    return this.#texts.ask((id) => this.#askWorker({ type: "text_work", model_id, work, id }));
  }

  /** Ends the worker and starts no other. Resolves when it is gone. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelRestart();
    await this.#worker?.leave();
    await this.#options.prefixCache?.clear();
  }

  #askWorker(message: Extract<ToWorker, { id: number }>): void {
    if (this.#worker !== undefined) this.send(message);
    else if (message.type === "text_work") this.#texts.answer(message.id, undefined);
    else this.#signatures.answer(message.id, undefined);
  }

  #onMessage(message: FromWorker): void {
    switch (message.type) {
      case "ready":
        this.#onReady({ ...message, failures: [...message.failures, ...this.#fatalLoads.failures()] });
        break;
      case "failed":
        this.#isStopped = true;
        this.#options.onFailed(message.code);
        break;
      case "forward":
        this.#options.onForward(message.message);
        break;
      case "loading":
        this.#fatalLoads.loading(message.build);
        break;
      case "load_model_status":
        this.#options.onLoadStatus(message);
        break;
      case "models":
        if (this.#ready === undefined) break;
        this.#ready = { ...this.#ready, models: message.models };
        this.#options.onModels(message.models);
        break;
      case "offer_refused":
        this.#models = this.#models.filter(({ info }) => info.id !== message.failure.build);
        this.#options.onOfferRefused?.(message.failure);
        break;
      case "text_done":
        this.#texts.answer(message.id, message.result);
        break;
      case "signed":
        this.#signatures.answer(message.id, message.jws);
        break;
      case "sign_refused":
        this.#signatures.answer(message.id, undefined);
        break;
      case "state":
        this.#options.onState(message);
    }
  }

  #onReady(ready: Ready): void {
    if (this.#isStarvedByPermissionModel(ready)) {
      this.#giveUpPermissionModel();
      return;
    }
    if (ready.prefixCacheRefused !== undefined) this.#options.prefixCache?.refuse(ready.prefixCacheRefused);
    this.#ready = ready;
    this.#readySince_ms = this.#options.clock.now_ms();
    this.#options.onReady(ready);
  }

  #isStarvedByPermissionModel({ models, failures, sandbox }: Ready): boolean {
    if (this.#options.engine.kind !== "llama.cpp" || sandbox.filesystem !== "permission-model" || models.length > 0) return false;
    return failures.some(({ code }) => code === "internal");
  }

  /** Some layouts of libraries lie where the permission model does not let the engine look. A worker with less confinement says so. */
  #giveUpPermissionModel(): void {
    this.#usesPermissionModel = false;
    this.#options.logger.warn({}, "no model loads under the permission model; starting the worker without it");
    this.send({ type: "shutdown" });
  }

  #onEnd(end: WorkerEnd): void {
    const { clock, logger } = this.#options;
    const wasReady = this.#ready !== undefined;
    const lived_ms = wasReady ? clock.now_ms() - this.#readySince_ms : 0;
    this.#worker = undefined;
    this.#ready = undefined;
    this.#signatures.lost();
    this.#texts.lost();
    this.#options.onLost();
    if (this.#isStopped) return;
    this.#options.onEnded?.(end);
    const leftOut = this.#fatalLoads.workerEnded(end.signal);
    if (leftOut !== undefined) logger.error({ build: leftOut }, "loading this model keeps ending the worker; it is left out");
    if (!wasReady && end.causes.some((cause) => cause === "access_denied" || cause === "bad_option")) this.#usesPermissionModel = false;
    if (lived_ms >= AGENT_LIMITS.healthy_ms) this.#backoff.reset();
    const wait_ms = this.#backoff.next_ms();
    const { exitCode, signal, reason, printed_bytes, causes } = end;
    logger.error(
      { exitCode, signal, reason, printed_bytes, causes, wasReady, wait_ms: Math.round(wait_ms) },
      "the worker ended; starting another",
    );
    this.#cancelRestart = clock.setTimer(wait_ms, () => this.#restart());
  }

  #restart(): void {
    this.#restarts++;
    this.start().catch((error: unknown) => {
      this.#options.onFailed(error instanceof KeyDirectoryError ? error.code : "key_unwritable");
    });
  }
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
