import type { GgufInsights, Llama, LlamaContext, LlamaGrammarEvaluationState, LlamaModel } from "node-llama-cpp";
import { EngineError } from "../engine.js";
import { type Memory, sum } from "../memory.js";

/*
 * The part of node-llama-cpp's native binding that the decode loop drives itself, instead of `LlamaContextSequence.evaluate`.
 * Measured with 3.21.1 and the reasons for it:
 *  - `evaluate` samples the sequences of one batch in parallel on libuv's thread pool, but llama.cpp sorts its logits lazily on first
 *    read, without a lock: 16 streams of one prompt gave 16 different, garbled texts. Where one has been read before they are equal.
 *  - it cannot cancel a prefill, and it shifts the context silently when it is full.
 *  - it allocates a native sampler a call, which only the garbage collector frees (12 MB in 1,000 requests).
 *  - on a small model its bookkeeping costs a quarter of the speed.
 * The version is pinned; what is used is checked when a model loads.
 */

export interface SamplerConfig {
  readonly temperature: number;
  readonly topP: number;
  readonly topK: number;
  readonly minP: number;
  readonly seed: number;
  readonly repeatPenalty?: number;
  readonly repeatPenaltyMaxTokens?: number;
  /** The history at the start; the sampler adds what it samples. Must be there for any penalty to apply. */
  readonly repeatPenaltyTokens?: Uint32Array;
  readonly repeatPenaltyPresencePenalty?: number;
  readonly repeatPenaltyFrequencyPenalty?: number;
  readonly tokenBiasKeys?: Uint32Array;
  readonly tokenBiasValues?: Float32Array;
  readonly grammarEvaluationState?: object;
}

export interface NativeSampler {
  /** Replaces the whole configuration, but keeps the state of what did not change, also the random generator's. */
  applyConfig(config: SamplerConfig): void;
  dispose(): void;
}

/** Token -1 means that nothing could be sampled. Probabilities are pairs of id and probability, best first. */
export type Sampled = readonly [token: number, probabilities: readonly number[] | undefined];

export interface NativeContext {
  /** Begins a batch of at most `size` tokens. */
  initBatch(size: number): void;
  /** Returns one index a wanted logit, to be passed to `sampleToken` after `decodeBatch`. */
  addToBatch(sequence: number, position: number, tokens: Uint32Array, logitIndexes: Uint32Array): Uint32Array;
  decodeBatch(): Promise<void>;
  sampleToken(logitIndex: number, sampler: NativeSampler): Promise<number>;
  sampleToken(logitIndex: number, sampler: NativeSampler, withProbabilities: true): Promise<Sampled>;
  /** Forgets positions from `start` to before `end` (-1: to the last). False when the model's memory cannot. */
  removeTokenCellsFromSequence(sequence: number, start: number, end: number): boolean;
  getSequenceKvCacheMinPosition(sequence: number): number;
  /** Writes the cells of a sequence into a file, as they are. Only between two batches. Returns the size. */
  saveSequenceStateToFile(path: string, sequence: number, tokens: Uint32Array): Promise<number>;
  /** Puts the cells of a file in the place of a sequence's own. Only between two batches. */
  loadSequenceStateFromFile(path: string, sequence: number, tokens_max: number): Promise<Uint32Array>;
}

/** The context of an embedding model; it is driven like any other. */
export interface NativeEmbeddingContext
  extends Pick<NativeContext, "initBatch" | "addToBatch" | "decodeBatch" | "removeTokenCellsFromSequence"> {
  /**
   * What the last batch came to, of its sequence 0 alone: pooled as the model's file says, or the last token's vector when it does not say.
   * Not normalised. The count is looked at in error messages only.
   */
  getEmbedding(tokens: number): Float64Array;
}

const contextMethods = [
  "initBatch",
  "addToBatch",
  "decodeBatch",
  "sampleToken",
  "removeTokenCellsFromSequence",
  "getSequenceKvCacheMinPosition",
  "saveSequenceStateToFile",
  "loadSequenceStateFromFile",
] as const satisfies readonly (keyof NativeContext)[];

export function nativeContext(context: LlamaContext): NativeContext {
  const native: unknown = Reflect.get(context, "_ctx");
  if (!isNativeContext(native)) throw unknownBinding();
  return native;
}

export function nativeEmbeddingContext(context: LlamaContext): NativeEmbeddingContext {
  const native: unknown = Reflect.get(context, "_ctx");
  if (!isNativeContext(native) || !isEmbeddingContext(native)) throw unknownBinding();
  return native;
}

export function createSampler(llama: Llama, model: LlamaModel): NativeSampler {
  const bindings: unknown = Reflect.get(llama, "_bindings");
  const Sampler: unknown = isObject(bindings) ? Reflect.get(bindings, "AddonSampler") : undefined;
  const nativeModel: unknown = Reflect.get(model, "_model");
  if (typeof Sampler !== "function" || !isObject(nativeModel)) throw unknownBinding();
  const sampler: unknown = Reflect.construct(Sampler, [nativeModel]);
  if (!isSampler(sampler)) throw unknownBinding();
  return sampler;
}

/** What llama.cpp has allocated for the model and its context. */
export function allocatedMemory(model: LlamaModel, context: LlamaContext): Memory {
  return sum(memoryBreakdown(Reflect.get(model, "_model")), contextMemory(context));
}

/** What it has allocated for the context alone: the cache, and buffers to compute in. */
export function contextMemory(context: LlamaContext): Memory {
  return memoryBreakdown(Reflect.get(context, "_ctx"));
}

function memoryBreakdown(native: unknown): Memory {
  const read: unknown = isObject(native) ? Reflect.get(native, "getMemoryBreakdown") : undefined;
  const found: unknown = typeof read === "function" ? Reflect.apply(read, native, []) : undefined;
  if (!isObject(found)) throw unknownBinding();
  const bytes = (name: string): number => Number(Reflect.get(found, name));
  return { ram_bytes: bytes("cpuRam"), vram_bytes: bytes("gpuVram") };
}

/** Lets go of the models that insights have planned with; until then each holds its vocabulary in native memory. */
export async function endPlanning(insights: GgufInsights): Promise<void> {
  const session: unknown = Reflect.get(insights, "_simulationSession");
  const dispose: unknown = isObject(session) ? Reflect.get(session, "dispose") : undefined;
  if (typeof dispose === "function") await Reflect.apply(dispose, session, []);
}

/** The native half of one use of a grammar. */
export function nativeGrammarState(state: LlamaGrammarEvaluationState): object {
  const native: unknown = Reflect.get(state, "_state");
  if (!isObject(native)) throw unknownBinding();
  return native;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function isNativeContext(value: unknown): value is NativeContext {
  return isObject(value) && contextMethods.every((name) => typeof Reflect.get(value, name) === "function");
}

function isEmbeddingContext(value: object): value is NativeEmbeddingContext {
  return typeof Reflect.get(value, "getEmbedding") === "function";
}

function isSampler(value: unknown): value is NativeSampler {
  return isObject(value) && ["applyConfig", "dispose"].every((name) => typeof Reflect.get(value, name) === "function");
}

function unknownBinding(): EngineError {
  return new EngineError("internal", "this version of node-llama-cpp has a different native binding");
}
