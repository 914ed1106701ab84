import type { ErrorClass, LoadRefusal, ModelInfo } from "@umbel/protocol";
import { type Memory, type MemoryNeed, noMemory, total_bytes } from "../engine/memory.js";
import { loadFailure, type ServedModel } from "./load-model.js";
import type { WorkerModel } from "./pipe-messages.js";
import { needBySize } from "./room.js";

/** One model of this machine, in memory or not. */
export interface Entry {
  readonly model: WorkerModel;
  /** As in the store; once loaded, as the loaded model is. */
  info: ModelInfo;
  served: ServedModel | undefined;
  /** What it takes: by its size until its file was read, and corrected by what it took when it was loaded. */
  need: MemoryNeed;
  isNeedTold: boolean;
  /** What it takes while it is in memory. */
  memory: Memory;
  users: number;
  usedAt_ms: number;
  load: Load | undefined;
  usual_ms: number | undefined;
}

/** A load under way. */
interface Load {
  readonly done: Promise<void>;
  readonly abort: AbortController;
  since_ms: number;
  progress: number;
  /** Requests that wait for it. */
  waiters: number;
  /** Goes on when nobody waits for it. */
  isCommanded: boolean;
}

/** A load that did not come about: for whoever asked for it, and for a request that waited for it. */
export class LoadError extends Error {
  override readonly name = "LoadError";
  constructor(
    readonly refusal: LoadRefusal,
    readonly errorClass: ErrorClass,
    options?: ErrorOptions,
  ) {
    super(`not loaded: ${refusal}`, options);
  }
}

/** What was measured corrects what was told between these: outside of them the measurement is to be doubted. */
const CORRECTION_MIN = 0.5;
const CORRECTION_MAX = 2;
export function newEntry(model: WorkerModel): Entry {
  return {
    ...{ model, info: model.info, need: needBySize(model.info.size_bytes), isNeedTold: false, memory: noMemory },
    ...{ served: undefined, users: 0, usedAt_ms: 0, load: undefined, usual_ms: undefined },
  };
}

/** What was measured, by what was told. */
export function correction(measured: Memory, told: Memory): number {
  const ratio = total_bytes(measured) / Math.max(1, total_bytes(told));
  return Math.min(CORRECTION_MAX, Math.max(CORRECTION_MIN, ratio));
}

export function toLoadError(model: WorkerModel, error: unknown): LoadError {
  const { code } = loadFailure(model, error);
  return new LoadError(code === "load_failed_memory" ? "insufficient_memory" : "other", code, { cause: error });
}
