import type { DeviceMemory, Memory, MemoryNeed } from "./memory.js";
import type { PrefixStore } from "./prefix-store.js";

/**
 * The one interface to inference engines (engine.md "Interface sketch"). An engine loads one model at a time into a fixed number of
 * sequences and turns tokens into tokens; templates, parsers, stop strings and fairness stand above it in `chat/` and `batch/`.
 * Callers branch on `features`, never on `id`.
 */
export interface InferenceEngine {
  readonly id: string;
  readonly features: ReadonlySet<EngineFeature>;
  load(model: ModelSource, options: LoadOptions, signal?: AbortSignal): Promise<LoadedModel>;
  /** Loads a build that turns texts into vectors. `sequences` is not used: inputs are computed one after the other. */
  loadEmbedder(model: ModelSource, options: LoadOptions, signal?: AbortSignal): Promise<LoadedEmbedder>;
  /** What loading the model would take, told without loading it; undefined when it cannot be told. Reads the file, which was verified. */
  estimate(model: ModelSource, options: LoadOptions, kind: ModelKind): Promise<MemoryNeed | undefined>;
  /**
   * Opens the model without its weights, to see that this engine knows how: its architecture, its tokens, its template.
   *
   * @throws EngineError `artifact`
   */
  probe(model: ModelSource, options: LoadOptions): Promise<ModelProbe>;
  /** Memory of the graphics card; undefined where there is none. */
  deviceMemory(): Promise<DeviceMemory | undefined>;
  /** The cards that it computes with, once a model was looked at; none where the processor computes. */
  cards(): Promise<readonly GraphicsCard[]>;
  dispose(): Promise<void>;
}

/** A graphics card with memory of its own. */
export interface GraphicsCard {
  readonly name: string;
  readonly api: "metal" | "cuda" | "vulkan";
  readonly memory_bytes: number;
}

/** What a model says of itself before its weights are loaded. */
export type ModelProbe = Pick<LoadedModel, "chatTemplate" | "specialTokens">;

export type ModelKind = "answers" | "vectors";

export type EngineFeature = "grammar" | "logprobs" | "prefixReuse" | "seed" | "embed" | "vision";

export interface ModelSource {
  /** Build id, used in errors and reports only. */
  readonly buildId: string;
  /** Absolute path of the (first) weight file. */
  readonly path: string;
}

export interface LoadOptions {
  /** Parallel sequences. */
  readonly sequences: number;
  /** Context per sequence, in tokens. */
  readonly contextLength_tokens: number;
  /** Upper bound of CPU threads; default: physical cores minus one, at least one (engine.md §3). */
  readonly threads_max?: number;
  /** Layers to place on a GPU; default: as many as fit. */
  readonly gpuLayers?: number;
  /** By which interface a graphics card computes; default: the best that there is. */
  readonly gpu?: GpuInterface;
  /** Type of the key-value cache. `q8_0` takes about half of the memory and costs a little accuracy; default: `f16`. */
  readonly kvCache?: "f16" | "q8_0";
  /** Where prompts are kept whose sequence is needed for another; default: nowhere. */
  readonly prefixes?: PrefixStore;
  /** Told now and then how far the load has come, 0 to 1. */
  readonly onProgress?: (share: number) => void;
}

export type GpuInterface = "metal" | "cuda" | "vulkan";

export interface LoadedModel {
  readonly buildId: string;
  readonly contextLength_tokens: number;
  readonly sequences: number;
  /** What all sequences together can hold. */
  readonly cache_tokens: number;
  /** What this model can do on this engine. */
  readonly features: ReadonlySet<EngineFeature>;
  /** The GGUF's own Jinja chat template; undefined when it has none. */
  readonly chatTemplate: string | undefined;
  /** `addBos`: a prompt must begin with `bos`, whether or not the template writes it. */
  readonly specialTokens: { readonly bos: string | undefined; readonly eos: string | undefined; readonly addBos: boolean };
  /** The texts that `tokenize(text, true)` turns into control tokens: what must never be parsed out of a user's text. */
  readonly controlTokens: readonly string[];
  readonly vocabularySize: number;
  /** What the engine has allocated for it. */
  readonly memory: Memory;
  readonly load_ms: number;
  /** `special` parses control tokens such as `<|im_start|>`; false treats their text literally. */
  tokenize(text: string, special: boolean): Int32Array;
  /** The text of tokens, control tokens included; bytes that make up no character are replaced. */
  detokenize(tokens: Int32Array): string;
  /** Starts generation on a free sequence. At most `sequences` run at once; the caller queues. @throws EngineError `no_free_sequence`. */
  generate(request: GenerateRequest): Generation;
  dispose(): Promise<void>;
}

/** A loaded build that turns texts into vectors. */
export interface LoadedEmbedder {
  readonly buildId: string;
  /** Longest input. */
  readonly contextLength_tokens: number;
  /** Length of a vector. */
  readonly vectorSize: number;
  /** The shortest beginning of a vector that still stands for its text (Matryoshka training); undefined when only the whole vector does. */
  readonly vectorSize_min: number | undefined;
  /** What the engine has allocated for it. */
  readonly memory: Memory;
  readonly load_ms: number;
  /**
   * The tokens of a text, with those that the model expects around one. Control tokens in it are taken as text. Of a text that is too long
   * for the context they may be those of a beginning that is too long as well.
   */
  encode(text: string): Int32Array;
  /**
   * The vector of one input, of length 1 (L2); equal inputs have equal vectors. Calls that come together take turns.
   *
   * @throws EngineError `context_exceeded` and `internal`; the signal's reason when it is aborted, which is looked at between pieces
   */
  embed(tokens: Int32Array, signal?: AbortSignal): Promise<Float32Array>;
  dispose(): Promise<void>;
}

export interface GenerateRequest {
  readonly tokens: Int32Array;
  readonly maxTokens: number;
  readonly sampling: EngineSampling;
  /** GBNF; undefined is free text. */
  readonly grammar?: string;
  /** Alternatives per token; undefined is no log-probabilities. */
  readonly topLogprobs?: number;
  /** Prefixes are reused only between requests of equal, defined scope. */
  readonly cacheScope?: string;
}

export interface EngineSampling {
  /** 0 is greedy. */
  readonly temperature: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly minP?: number;
  readonly seed?: number;
  readonly frequencyPenalty?: number;
  readonly presencePenalty?: number;
  readonly repetitionPenalty?: number;
  /** Token id to additive bias. */
  readonly logitBias?: ReadonlyMap<number, number>;
}

export interface Generation {
  /** `started` once prefill is done, then `token`s, then exactly one `end`. Never throws: a failure is an `end` with `error`. */
  readonly events: AsyncIterable<EngineEvent>;
  /** Stops at the next token or prefill chunk. Resolves when the sequence is free again; idempotent. */
  cancel(): Promise<void>;
}

export type EngineEvent =
  | { readonly type: "started"; readonly promptTokens: number; readonly cachedTokens: number }
  /** `bytes` may end inside a UTF-8 character; the caller holds back. */
  | {
      readonly type: "token";
      readonly id: number;
      readonly bytes: Uint8Array;
      readonly logprob?: number;
      readonly top?: readonly { readonly id: number; readonly bytes: Uint8Array; readonly logprob: number }[];
    }
  | { readonly type: "end"; readonly reason: "stop" | "length" | "cancelled" | "error"; readonly error?: EngineError };

export type EngineErrorCode = "artifact" | "out_of_memory" | "context_exceeded" | "no_free_sequence" | "grammar" | "internal";

/** An engine failure. `message` names sizes and paths on this machine at most, never prompt text. */
export class EngineError extends Error {
  override readonly name = "EngineError";
  constructor(
    readonly code: EngineErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
