import type { EngineEvent, GenerateRequest, Generation } from "../engine/engine.js";
// Not through the door: that would load llama.cpp into workers that run the scripted engine.
import { createEventQueue, type EventQueue } from "../engine/event-queue.js";
import type { BatchError } from "./batch-error.js";

export type BatchPhase = "queued" | "prefilling" | "decoding";

export interface BatchRequest {
  /** Unique among what is queued and running. */
  readonly id: string;
  /** Requests of one lane wait for each other; lanes take turns. */
  readonly lane: string;
  readonly generate: GenerateRequest;
  readonly signal: AbortSignal;
  /** Called at each change of phase. */
  readonly onPhase?: ((phase: BatchPhase) => void) | undefined;
}

/** The engine's events, then exactly one `end` or `failed`. */
export type BatchEvent =
  | Exclude<EngineEvent, { type: "end" }>
  | { readonly type: "end"; readonly reason: "stop" | "length" | "cancelled" }
  | { readonly type: "failed"; readonly error: BatchError };

/** One request and where it stands. */
export interface Entry {
  readonly request: BatchRequest;
  readonly queue: EventQueue<BatchEvent>;
  /** Prompt and answer at their longest. */
  readonly reserved_tokens: number;
  phase: BatchPhase;
  generation: Generation | undefined;
  /** Undone when the request leaves the batcher. */
  clearQueueTimer: () => void;
  removeAbortListener: () => void;
  admitted_ms: number;
  firstToken_ms: number | undefined;
  progress_ms: number;
  promptTokens: number;
  cachedTokens: number;
  generatedTokens: number;
}

export function createEntry(request: BatchRequest, onAbandon: () => void): Entry {
  const promptTokens = request.generate.tokens.length;
  return {
    request,
    queue: createEventQueue<BatchEvent>(onAbandon),
    reserved_tokens: promptTokens + request.generate.maxTokens,
    phase: "queued",
    generation: undefined,
    clearQueueTimer: () => undefined,
    removeAbortListener: () => undefined,
    admitted_ms: 0,
    firstToken_ms: undefined,
    progress_ms: 0,
    promptTokens,
    cachedTokens: 0,
    generatedTokens: 0,
  };
}
