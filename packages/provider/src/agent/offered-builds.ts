import type { ModelInfo } from "@umbel/protocol";
import { holdModels } from "../models/disk/in-use.js";
import { type StorePlace, storeLayout } from "../models/disk/store-layout.js";
import type { DownloadProgress } from "../models/download/download-files.js";
import { ModelError } from "../models/model-error.js";
import type { ModelLibrary } from "../models/model-library.js";
import type { LoadFailure } from "../worker/pipe-messages.js";
import type { BuildsPort } from "./model-commands.js";
import { type ServedShape, workerModel } from "./select-models.js";
import type { WorkerSupervisor } from "./worker-supervisor.js";

export interface OfferedParts extends StorePlace {
  readonly library: Pick<ModelLibrary, "store" | "fetchModel">;
  readonly worker: Pick<WorkerSupervisor, "offer" | "withdraw" | "ready">;
  readonly shape: ServedShape;
  /** Builds that must stay although they are not offered yet. */
  readonly wanted: () => readonly string[];
}

/** A build that the worker does not take on: its files are not what they should be, or it has no room for it. */
class OfferRefused extends Error {
  override readonly name = "OfferRefused";
  constructor({ build, code }: LoadFailure) {
    super(`${build} cannot be served here (${code})`);
  }
}

/** Takes builds from the store to the worker and back. */
export class OfferedBuilds implements BuildsPort {
  readonly #parts: OfferedParts;
  readonly #waiting = new Map<string, (failure: LoadFailure | undefined) => void>();
  /** Revoked, but still in memory. */
  readonly #toRemove = new Set<string>();
  #held = "";

  constructor(parts: OfferedParts) {
    this.#parts = parts;
  }

  async fetch(build: string, signal: AbortSignal, onProgress: (progress: DownloadProgress) => void): Promise<void> {
    const { library, worker, wanted } = this.#parts;
    const keep = new Set([...(worker.ready?.models ?? []).map(({ id }) => id), ...wanted()]);
    const model = await library.fetchModel(build, { signal, mode: "background", keep, onProgress });
    this.#toRemove.delete(model.info.id);
    const failure = await new Promise<LoadFailure | undefined>((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      this.#waiting.set(model.info.id, resolve);
      worker.offer(workerModel(model, this.#parts.shape));
    }).finally(() => this.#waiting.delete(model.info.id));
    if (failure !== undefined) throw new OfferRefused(failure);
    await library.store.touch([model.info.id]);
  }

  withdraw(build: string): void {
    this.#parts.worker.withdraw(build);
  }

  async remove(build: string): Promise<void> {
    this.#toRemove.add(build);
    await this.#removeWhatMay();
  }

  /** The worker offers these now. */
  onModels(models: readonly ModelInfo[]): void {
    for (const { id } of models) this.#waiting.get(id)?.(undefined);
  }

  onRefused(failure: LoadFailure): void {
    this.#waiting.get(failure.build)?.(failure);
  }

  /** These are in memory now. */
  async onResidents(models: readonly string[]): Promise<void> {
    const held = JSON.stringify([...models].sort());
    if (held === this.#held) return;
    this.#held = held;
    await holdModels(storeLayout(this.#parts), models);
    if (models.length > 0) await this.#parts.library.store.touch(models);
    await this.#removeWhatMay();
  }

  async #removeWhatMay(): Promise<void> {
    const { store } = this.#parts.library;
    // What is still in memory goes when it has left it.
    const builds = [...this.#toRemove].filter((build) => !this.#held.includes(JSON.stringify(build)));
    if (builds.length === 0) return;
    for (const build of builds) this.#toRemove.delete(build);
    for (const build of builds) await store.removeModel(build).catch(unlessGone);
  }
}

/** Its owner may have removed it before. */
function unlessGone(error: unknown): void {
  if (!(error instanceof ModelError && error.code === "not_here")) throw error;
}
