import type { Clock, ErrorClass, LoadRefusal, ModelInfo, Slot } from "@umbel/protocol";
import type { ChatModel } from "../chat/index.js";
import { type LoadShape, memoryOf, noMemory, scaled, total_bytes } from "../engine/memory.js";
import {
  estimateNeed,
  type LoadContext,
  loadFailure,
  loadModel,
  type PreparedModel,
  prepareModel,
  probeModel,
  type ServedModel,
} from "./load-model.js";
import { LoadRoom } from "./load-room.js";
import type { LoadFailure, WorkerModel } from "./pipe-messages.js";
import { RequestError } from "./request-error.js";
import { correction, type Entry, LoadError, newEntry, toLoadError } from "./resident-entry.js";
import { measuredMemory, type RoomLimits } from "./room.js";

/** How a load goes: how far it has come, 0 to 1, and how long it will take yet, as far as that can be told. */
export interface LoadProgress {
  readonly progress: number;
  readonly eta_ms: number | undefined;
}

/** A model in memory that stays there until it is released. */
export interface ModelUse {
  readonly model: ChatModel;
  readonly weightHash: string;
  release(): void;
}

export interface ResidentModelsOptions extends LoadContext {
  readonly limits: RoomLimits;
  /** A model that was not used for so long leaves memory; absent is never. */
  readonly idleUnload_ms?: number;
  /** Memory that this process holds; undefined where models take none. */
  readonly held_bytes?: () => number;
  /** What is being loaded; undefined is nothing any more. */
  readonly onLoading?: (build: string | undefined) => void;
  /** What is in memory has changed. */
  readonly onChange: () => void;
  /** A model turned out to be other than its description. */
  readonly onInfo: () => void;
}

/** How often idle models are looked for, at most. */
const IDLE_SWEEP_MS_MAX = 60_000;
/** A load that found too little memory needs more than was told. */
const OUT_OF_MEMORY_CORRECTION = 1.25;

/**
 * The models of this machine, those in memory and those that could be. Loads come one after another, so that two never reckon with the same
 * memory, and put idle models away for it, the one used longest ago first. Nothing that is in use is ever put away.
 */
export class ResidentModels {
  readonly #options: ResidentModelsOptions;
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  /** Not offered any more, and still in memory because something uses them. */
  readonly #leaving = new Set<Entry>();
  #gate: Promise<void> = Promise.resolve();
  readonly #room: LoadRoom;

  constructor(options: ResidentModelsOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#room = new LoadRoom({
      ...{ engine: options.engine, limits: options.limits },
      offered: () => [...this.#entries.values()],
      leaving: () => [...this.#leaving],
      putAway: (entry) => this.#putAway(entry),
    });
  }

  /** Takes the models on: those that fit beside each other come into memory, in their order; the rest is only looked at. */
  async start(models: readonly WorkerModel[]): Promise<readonly LoadFailure[]> {
    const failures: LoadFailure[] = [];
    for (const model of models) {
      const entry = newEntry(model);
      try {
        const prepared = await this.#prepare(entry);
        const shape = await this.#room.shapeBeside(entry);
        if (shape !== undefined) await this.#bringIn(entry, prepared, shape);
        this.#entries.set(model.info.id, entry);
      } catch (error) {
        const failure = loadFailure(model, error);
        // Too little memory beside the others is no fault of the model.
        if (failure.code === "load_failed_memory" && this.served.length > 0) this.#entries.set(model.info.id, entry);
        else failures.push(failure);
      }
    }
    this.#sweepIdle();
    // A machine that has room for none of its models serves nobody; the first shows why.
    const [first] = this.#entries.values();
    if (first !== undefined && this.served.length === 0) {
      failures.push({ build: first.info.id, code: "load_failed_memory", message: "there is no room in memory for any model" });
      this.#entries.clear();
    }
    return failures;
  }

  /**
   * Takes on one more model, after its files were looked at and it was opened without its weights; it comes into memory when it is asked for. It takes the place of another version.
   *
   * @returns why it is not taken on
   */
  async offer(model: WorkerModel): Promise<LoadFailure | undefined> {
    const entry = newEntry(model);
    try {
      const prepared = await this.#prepare(entry);
      // What cannot be loaded here must not take the place of what can.
      await probeModel(prepared, this.#options);
    } catch (error) {
      return loadFailure(model, error);
    }
    if (!(await this.#room.couldHold(entry))) {
      return { build: model.info.id, code: "load_failed_memory", message: "the machine has no room in memory for the model" };
    }
    if (this.#entries.get(model.info.id)?.info.weight_hash !== model.info.weight_hash) {
      this.#takeOff(model.info.id);
      this.#entries.set(model.info.id, entry);
    }
    this.#options.onInfo();
    return undefined;
  }

  /** Offers the model no longer; what uses it goes on to its end. */
  withdraw(build: string): void {
    this.#takeOff(build);
    this.#options.onInfo();
  }

  /** Everything that may be asked for. */
  get offered(): readonly ModelInfo[] {
    return [...this.#entries.values()].map(({ info }) => info);
  }

  get served(): readonly ServedModel[] {
    return [...this.#entries.values()].flatMap(({ served }) => served ?? []);
  }

  /** Of what is in memory, and of nothing else. */
  slots(): Slot[] {
    return [...this.#entries.values()].flatMap(({ served, usual_ms }) =>
      served === undefined ? [] : [{ ...served.model.slot(), ...(usual_ms !== undefined && { model_load_time_ms: Math.round(usual_ms) }) }],
    );
  }

  /** The requests that the slots count. */
  counted() {
    return this.served.flatMap(({ model, info }) => model.counted().map((request) => ({ ...request, build: info.id })));
  }

  freeForLoad_bytes(): number | undefined {
    return this.#room.freeForLoad_bytes();
  }

  /** Why a request for the build would certainly fail; undefined when it may succeed. */
  refusalOf(build: string): ErrorClass | undefined {
    const entry = this.#entries.get(build);
    if (entry === undefined) return "not_loaded";
    if (entry.served !== undefined || entry.load !== undefined) return undefined;
    return this.#room.refusalOf(entry);
  }

  /**
   * The model, loaded if need be, kept in memory until the use is released.
   *
   * @param onLoading told at once and about every second while there is something to wait for
   * @throws RequestError when it cannot be loaded, or the signal is aborted
   */
  async use(build: string, signal: AbortSignal, onLoading: (progress: LoadProgress) => void, report_ms: number): Promise<ModelUse> {
    const entry = this.#entries.get(build);
    if (entry === undefined) throw new RequestError("not_loaded");
    entry.users++;
    try {
      while (entry.served === undefined) await this.#waitFor(entry, signal, onLoading, report_ms);
    } catch (error) {
      this.#release(entry);
      throw error instanceof LoadError ? new RequestError(error.errorClass) : error;
    }
    const { model, info } = entry.served;
    let isReleased = false;
    return {
      model,
      weightHash: info.weight_hash,
      release: () => {
        if (!isReleased) this.#release(entry);
        isReleased = true;
      },
    };
  }

  /** Brings the build into memory. Resolves with undefined when it is there, else with why it is not. */
  async load(build: string, evict: readonly string[]): Promise<LoadRefusal | undefined> {
    const entry = this.#entries.get(build);
    if (entry === undefined) return "model_not_found";
    try {
      const loading = this.#load(entry, evict);
      if (entry.load !== undefined) entry.load.isCommanded = true;
      await loading;
      return undefined;
    } catch (error) {
      return error instanceof LoadError ? error.refusal : "other";
    }
  }

  /** Puts the build away if nothing uses it. */
  async unload(build: string): Promise<void> {
    const entry = this.#entries.get(build);
    if (entry !== undefined) await this.#inTurn(() => this.#putAwayUnused(entry));
  }

  /** One thing after another where memory is taken or given back. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#gate.then(work);
    this.#gate = done.catch(() => undefined);
    return done;
  }

  async #putAwayUnused(entry: Entry): Promise<void> {
    if (entry.served !== undefined && entry.users === 0) await this.#putAway(entry);
  }

  /** Puts away what was not used for long, now and again and again. */
  #sweepIdle(): void {
    const { idleUnload_ms } = this.#options;
    if (idleUnload_ms === undefined) return;
    const idle = [...this.#entries.values()].filter(({ usedAt_ms }) => this.#clock.now_ms() - usedAt_ms >= idleUnload_ms);
    for (const entry of idle) {
      // It may be in use again when its turn comes.
      const isIdle = () => this.#clock.now_ms() - entry.usedAt_ms >= idleUnload_ms;
      void this.#inTurn(async () => (isIdle() ? this.#putAwayUnused(entry) : undefined));
    }
    this.#clock.setTimer(Math.min(idleUnload_ms, IDLE_SWEEP_MS_MAX), () => this.#sweepIdle(), "background");
  }

  async #waitFor(entry: Entry, signal: AbortSignal, onLoading: (progress: LoadProgress) => void, report_ms: number): Promise<void> {
    const loading = this.#load(entry, []);
    const { load } = entry;
    if (load !== undefined) load.waiters++;
    let cancelReport = (): void => undefined;
    const report = (): void => {
      onLoading(this.#progressOf(entry));
      cancelReport = this.#clock.setTimer(report_ms, report);
    };
    report();
    let abort = (): void => undefined;
    const aborted = new Promise<never>((_, reject) => {
      abort = () => reject(new RequestError("cancelled"));
      signal.addEventListener("abort", abort, { once: true });
      if (signal.aborted) abort();
    });
    try {
      await Promise.race([loading, aborted]);
    } finally {
      cancelReport();
      signal.removeEventListener("abort", abort);
      loading.catch(() => undefined);
      if (load !== undefined) {
        load.waiters--;
        // Whoever gives up leaves the load to others, if there are any.
        if (load.waiters === 0 && !load.isCommanded) load.abort.abort(new LoadError("other", "cancelled"));
      }
    }
  }

  #progressOf({ load, usual_ms }: Entry): LoadProgress {
    const progress = load?.progress ?? 0;
    const passed_ms = load === undefined ? 0 : this.#clock.now_ms() - load.since_ms;
    if (usual_ms !== undefined) return { progress, eta_ms: Math.max(0, usual_ms - passed_ms) };
    return { progress, eta_ms: progress > 0 ? (passed_ms * (1 - progress)) / progress : undefined };
  }

  /** Joins a load that is under way, or starts one. */
  #load(entry: Entry, evict: readonly string[]): Promise<void> {
    if (entry.served !== undefined) return Promise.resolve();
    const { load } = entry;
    if (load !== undefined) return load.abort.signal.aborted ? load.done.catch(() => this.#load(entry, evict)) : load.done;
    const abort = new AbortController();
    const done = this.#inTurn(async () => {
      try {
        abort.signal.throwIfAborted();
        if (entry.load !== undefined) entry.load.since_ms = this.#clock.now_ms();
        const prepared = await this.#prepare(entry, abort.signal);
        await this.#findPlace(entry, prepared, evict, abort.signal);
      } catch (error) {
        throw error instanceof LoadError ? error : toLoadError(entry.model, error);
      } finally {
        entry.load = undefined;
        this.#options.onChange();
      }
    });
    entry.load = { done, abort, since_ms: this.#clock.now_ms(), progress: 0, waiters: 0, isCommanded: false };
    return done;
  }

  /** Verifies the model's files, and the first time reads what it takes. */
  async #prepare(entry: Entry, signal?: AbortSignal): Promise<PreparedModel> {
    const prepared = await prepareModel(entry.model, this.#options, {
      ...this.#progressTo(entry),
      ...(signal !== undefined && { signal }),
    });
    if (!entry.isNeedTold) entry.need = (await estimateNeed(prepared, this.#options)) ?? entry.need;
    entry.isNeedTold = true;
    return prepared;
  }

  #progressTo(entry: Entry) {
    return {
      onProgress: (progress: number): void => {
        if (entry.load !== undefined) entry.load.progress = progress;
      },
    };
  }

  /** Loads the model; where memory turns out to be short after all, in the place of idle ones. */
  async #findPlace(entry: Entry, prepared: PreparedModel, evict: readonly string[], signal: AbortSignal): Promise<void> {
    for (;;) {
      const shape = await this.#room.make(entry, evict);
      signal.throwIfAborted();
      try {
        await this.#bringIn(entry, prepared, shape, signal);
        return;
      } catch (error) {
        if (loadFailure(entry.model, error).code !== "load_failed_memory") throw error;
        entry.need = scaled(entry.need, OUT_OF_MEMORY_CORRECTION);
        const victim = this.#room.victim(evict);
        if (victim === undefined) throw error;
        await this.#putAway(victim);
      }
    }
  }

  async #bringIn(entry: Entry, prepared: PreparedModel, shape: LoadShape, signal?: AbortSignal): Promise<void> {
    const start_ms = this.#clock.now_ms();
    const { held_bytes = () => 0 } = this.#options;
    const before_bytes = held_bytes();
    const watch = { ...this.#progressTo(entry), ...(signal !== undefined && { signal }) };
    this.#options.onLoading?.(entry.info.id);
    const served = await loadModel(prepared, shape, this.#options, watch).finally(() => this.#options.onLoading?.(undefined));
    const told = memoryOf(entry.need, shape);
    entry.memory = total_bytes(served.memory) === 0 ? told : measuredMemory(served.memory, held_bytes() - before_bytes);
    entry.need = scaled(entry.need, correction(entry.memory, told));
    entry.served = served;
    entry.usual_ms = this.#clock.now_ms() - start_ms;
    entry.usedAt_ms = this.#clock.now_ms();
    const isNew = JSON.stringify(served.info) !== JSON.stringify(entry.info);
    entry.info = served.info;
    if (isNew) this.#options.onInfo();
  }

  async #putAway(entry: Entry): Promise<void> {
    const { served } = entry;
    entry.served = undefined;
    this.#options.onChange();
    await served?.model.dispose();
    entry.memory = noMemory;
  }

  #release(entry: Entry): void {
    entry.users--;
    entry.usedAt_ms = this.#clock.now_ms();
    if (this.#leaving.has(entry)) void this.#leave(entry);
  }

  #takeOff(build: string): void {
    const entry = this.#entries.get(build);
    if (entry === undefined) return;
    this.#entries.delete(build);
    this.#leaving.add(entry);
    void this.#leave(entry);
  }

  /** A load that is under way comes to its end first, as whoever waits for it may still use it. */
  async #leave(entry: Entry): Promise<void> {
    await entry.load?.done.catch(() => undefined);
    await this.#inTurn(async () => {
      if (entry.users > 0 || !this.#leaving.delete(entry)) return;
      await this.#putAwayUnused(entry);
      const isOffered = [...this.#entries.values()].some(({ model }) => model.info.weight_hash === entry.model.info.weight_hash);
      if (!isOffered) await this.#options.prefixes?.forget(entry.model.info.weight_hash);
    });
  }
}
