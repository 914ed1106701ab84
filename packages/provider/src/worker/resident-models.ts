import type { Clock, ErrorClass, LoadRefusal, ModelInfo, Slot } from "@umbel/protocol";
import type { ChatModel } from "../chat/index.js";
import { type LoadContext, loadFailure, loadModel, type ServedModel, verifyArtifact } from "./load-model.js";
import type { LoadFailure, WorkerModel } from "./pipe-messages.js";
import { RequestError } from "./request-error.js";
import { afterPuttingAway, freeForLoad_bytes, lacks, type Residents, type RoomLimits, withoutIdle } from "./room.js";

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

interface Entry {
  readonly model: WorkerModel;
  /** As in the store; once loaded, as the loaded model is. */
  info: ModelInfo;
  served: ServedModel | undefined;
  users: number;
  usedAt_ms: number;
  load: { readonly done: Promise<void>; since_ms: number; progress: number } | undefined;
  usual_ms: number | undefined;
}

export interface ResidentModelsOptions extends LoadContext {
  readonly limits: RoomLimits;
  /** What is in memory has changed. */
  readonly onChange: () => void;
  /** A model turned out to be other than its description. */
  readonly onInfo: () => void;
}

/** A load that did not come about: for whoever asked for it, and for a request that waited for it. */
class LoadError extends Error {
  override readonly name = "LoadError";
  constructor(
    readonly refusal: LoadRefusal,
    readonly errorClass: ErrorClass,
    options?: ErrorOptions,
  ) {
    super(`not loaded: ${refusal}`, options);
  }
}

/**
 * The models of this machine, those in memory and those that could be. Loads come one after another, so that two never reckon with the same
 * memory, and put idle models away for it, the one used longest ago first. Nothing that is in use is ever put away.
 */
export class ResidentModels {
  readonly #options: ResidentModelsOptions;
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  #gate: Promise<void> = Promise.resolve();

  constructor(options: ResidentModelsOptions) {
    this.#options = options;
    this.#clock = options.clock;
  }

  /** Takes the models on: those that fit beside each other come into memory, in their order; the rest is only looked at. */
  async start(models: readonly WorkerModel[]): Promise<readonly LoadFailure[]> {
    const failures: LoadFailure[] = [];
    for (const model of models) {
      const entry: Entry = {
        ...{ model, info: model.info, users: 0, usedAt_ms: 0 },
        served: undefined,
        load: undefined,
        usual_ms: undefined,
      };
      try {
        if (lacks(model.info.size_bytes, this.#residents(), this.#options.limits) === undefined) await this.#bringIn(entry);
        else if (this.#options.choice.kind !== "scripted") await verifyArtifact(model);
        this.#entries.set(model.info.id, entry);
      } catch (error) {
        const failure = loadFailure(model, error);
        // Too little memory beside the others is no fault of the model.
        if (failure.code === "load_failed_memory" && this.served.length > 0) this.#entries.set(model.info.id, entry);
        else failures.push(failure);
      }
    }
    // A machine that has room for none of its models serves nobody; the first shows why.
    const [first] = this.#entries.values();
    if (first !== undefined && this.served.length === 0) {
      failures.push({ build: first.info.id, code: "load_failed_memory", message: "there is no room in memory for any model" });
      this.#entries.clear();
    }
    return failures;
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

  freeForLoad_bytes(): number | undefined {
    return freeForLoad_bytes(this.#residents(), this.#options.limits);
  }

  /** Why a request for the build would certainly fail; undefined when it may succeed. */
  refusalOf(build: string): ErrorClass | undefined {
    const entry = this.#entries.get(build);
    if (entry === undefined) return "not_loaded";
    if (entry.served !== undefined || entry.load !== undefined) return undefined;
    const residents = this.#residents();
    const { limits } = this.#options;
    if (lacks(entry.info.size_bytes, withoutIdle(residents), afterPuttingAway(residents, limits)) === undefined) return undefined;
    // What is at work will end, and then there may be room.
    return residents.idleCount < residents.count ? "capacity_slots" : "load_failed_memory";
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
      await this.#load(entry, evict);
      return undefined;
    } catch (error) {
      return error instanceof LoadError ? error.refusal : "other";
    }
  }

  /** Puts the build away if nothing uses it. */
  async unload(build: string): Promise<void> {
    const entry = this.#entries.get(build);
    if (entry?.served !== undefined && entry.users === 0) await this.#putAway(entry);
  }

  async #waitFor(entry: Entry, signal: AbortSignal, onLoading: (progress: LoadProgress) => void, report_ms: number): Promise<void> {
    const loading = this.#load(entry, []);
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
      // Whoever gave up still leaves the load to others.
      loading.catch(() => undefined);
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
    if (entry.load !== undefined) return entry.load.done;
    const done = this.#gate
      .then(async () => {
        await this.#makeRoom(entry, evict);
        if (entry.load !== undefined) entry.load.since_ms = this.#clock.now_ms();
        await this.#bringIn(entry).catch((error: unknown) => {
          const { code } = loadFailure(entry.model, error);
          throw new LoadError(code === "load_failed_memory" ? "insufficient_memory" : "other", code, { cause: error });
        });
      })
      .finally(() => {
        entry.load = undefined;
        this.#options.onChange();
      });
    entry.load = { done, since_ms: this.#clock.now_ms(), progress: 0 };
    this.#gate = done.catch(() => undefined);
    return done;
  }

  async #bringIn(entry: Entry): Promise<void> {
    const start_ms = this.#clock.now_ms();
    const served = await loadModel(entry.model, this.#options, (progress) => {
      if (entry.load !== undefined) entry.load.progress = progress;
    });
    entry.served = served;
    entry.usual_ms = this.#clock.now_ms() - start_ms;
    entry.usedAt_ms = this.#clock.now_ms();
    const isNew = JSON.stringify(served.info) !== JSON.stringify(entry.info);
    entry.info = served.info;
    if (isNew) this.#options.onInfo();
  }

  /** @param evict builds to begin with */
  async #makeRoom(entry: Entry, evict: readonly string[]): Promise<void> {
    for (;;) {
      const lacking = lacks(entry.info.size_bytes, this.#residents(), this.#options.limits);
      if (lacking === undefined) return;
      const victim = this.#victim(evict);
      if (victim !== undefined) await this.#putAway(victim);
      else if (lacking === "slot") throw new LoadError("slot_cap", "capacity_slots");
      else throw new LoadError("insufficient_memory", this.#residents().count > 0 ? "capacity_slots" : "load_failed_memory");
    }
  }

  #victim(evict: readonly string[]): Entry | undefined {
    const rank = ({ info }: Entry): number => (evict.includes(info.id) ? evict.indexOf(info.id) : evict.length);
    return [...this.#entries.values()]
      .filter(({ served, users }) => served !== undefined && users === 0)
      .sort((a, b) => rank(a) - rank(b) || a.usedAt_ms - b.usedAt_ms)[0];
  }

  async #putAway(entry: Entry): Promise<void> {
    const { served } = entry;
    entry.served = undefined;
    this.#options.onChange();
    await served?.model.dispose();
  }

  #release(entry: Entry): void {
    entry.users--;
    entry.usedAt_ms = this.#clock.now_ms();
  }

  #residents(): Residents {
    const residents = [...this.#entries.values()].filter(({ served }) => served !== undefined);
    const idle = residents.filter(({ users }) => users === 0);
    const size = (entries: readonly Entry[]): number => entries.reduce((sum, { info }) => sum + info.size_bytes, 0);
    return { count: residents.length, idleCount: idle.length, size_bytes: size(residents), idle_bytes: size(idle) };
  }
}
