import type { Clock } from "@umbel/protocol";
import {
  GgmlType,
  InsufficientMemoryError,
  type Llama,
  type LlamaContext,
  type LlamaContextOptions,
  type LlamaModel,
} from "node-llama-cpp";
import { EngineError, type EngineFeature, type InferenceEngine, type LoadOptions, type ModelSource } from "../engine.js";
import { startBackend } from "./backend.js";
import { graphicsCards } from "./cards.js";
import { createLlamaEmbedder, embeddingPiece_tokens } from "./llama-embedder.js";
import { createLlamaModel, facesOf, prefillTokens } from "./llama-model.js";
import { memoryNeed } from "./memory-need.js";
import { createTurns } from "./turns.js";

export interface LlamaEngineDependencies {
  readonly clock: Clock;
}

interface Disposable {
  dispose(): Promise<void>;
}

/** A model whose weights are loaded, and what is known of its loading. */
interface LoadParts {
  readonly llama: Llama;
  readonly model: LlamaModel;
  readonly contextLength_tokens: number;
  readonly load_ms: () => number;
  readonly onDispose: () => void;
}

type ContextOptions = Required<Pick<LlamaContextOptions, "sequences" | "contextSize" | "batchSize" | "threads">> & LlamaContextOptions;

const answerFeatures: ReadonlySet<EngineFeature> = new Set(["grammar", "logprobs", "prefixReuse", "seed"]);

/**
 * llama.cpp in this process, through the binaries that node-llama-cpp ships; nothing is built or downloaded. The backend starts with
 * the first load: with the best GPU there is, or without any when that load says `gpuLayers: 0`.
 *
 * Loading throws EngineError `artifact` for a file that is missing, cut short or no GGUF, and `out_of_memory`; the signal's reason when
 * it is aborted. A context longer than the model was trained for is cut to that.
 */
export function createLlamaEngine({ clock }: LlamaEngineDependencies): InferenceEngine {
  const turns = createTurns();
  const loaded = new Set<Disposable>();
  let backend: Promise<Llama> | undefined;
  let disposed = false;
  /** node-llama-cpp forgets to let go of the backend when a model fails to load; disposing of it would then wait for ever. */
  let backendHeld = false;

  async function load<T extends Disposable>(
    source: ModelSource,
    options: LoadOptions,
    signal: AbortSignal | undefined,
    complete: (parts: LoadParts) => Promise<T>,
  ): Promise<T> {
    checkOptions(options);
    if (disposed) throw new EngineError("internal", "the engine was disposed");
    const start_ms = clock.now_ms();
    backend ??= startBackend(options);
    const llama = await backend;
    const model = await loadModel(llama, source, options, signal).catch((cause: unknown) => {
      backendHeld = true;
      throw cause;
    });
    try {
      const result: T = await complete({
        llama,
        model,
        contextLength_tokens: Math.min(options.contextLength_tokens, model.trainContextSize),
        load_ms: () => clock.now_ms() - start_ms,
        onDispose: () => loaded.delete(result),
      });
      loaded.add(result);
      if (disposed) await result.dispose();
      if (disposed) throw new EngineError("internal", "the engine was disposed");
      return result;
    } catch (cause) {
      await model.dispose();
      throw cause;
    }
  }

  return {
    id: "llama.cpp",
    features: new Set<EngineFeature>([...answerFeatures, "embed"]),
    load: (source, options, signal) =>
      load(source, options, signal, async ({ llama, model, contextLength_tokens, load_ms, onDispose }) => {
        const context = await createContext(
          model,
          {
            sequences: options.sequences,
            contextSize: contextLength_tokens,
            batchSize: prefillTokens(llama) + options.sequences,
            threads: threadsOf(llama, options),
            ...kvCache(options),
          },
          signal,
        );
        return createLlamaModel({
          ...{ llama, model, context, turns, contextLength_tokens, onDispose },
          features: answerFeatures,
          buildId: source.buildId,
          load_ms: load_ms(),
          prefixes: options.prefixes,
          nextSeed: () => Math.floor(clock.now_ms() * 1000) % 2 ** 32,
          now_ms: () => clock.now_ms(),
        });
      }),
    loadEmbedder: (source, options, signal) =>
      load(source, options, signal, async ({ llama, model, contextLength_tokens, load_ms, onDispose }) => {
        const piece_tokens = embeddingPiece_tokens(model, prefillTokens(llama), contextLength_tokens);
        const context = await createContext(
          model,
          {
            sequences: 1,
            contextSize: contextLength_tokens,
            batchSize: piece_tokens,
            threads: threadsOf(llama, options),
            // What the library's `createEmbeddingContext` sets, which would make the context smaller where memory is short.
            ...{ _embeddings: true },
          },
          signal,
        );
        return createLlamaEmbedder({
          ...{ model, context, turns, piece_tokens, contextLength_tokens, load_ms, onDispose },
          buildId: source.buildId,
        });
      }),
    async estimate(source, options, kind) {
      backend ??= startBackend(options);
      const llama = await backend;
      const { contextLength_tokens, gpuLayers, kvCache: type } = options;
      // What cannot be planned may still load; whoever asks has a rule of thumb.
      return memoryNeed(llama, source.path, {
        ...{ contextLength_tokens, isEmbedder: kind === "vectors", batch_tokens: (sequences) => prefillTokens(llama) + sequences },
        ...(gpuLayers !== undefined && { gpuLayers }),
        ...(type !== undefined && { kvCache: type }),
      }).catch(() => undefined);
    },
    async probe(source, options) {
      backend ??= startBackend(options);
      const llama = await backend;
      try {
        const model = await llama.loadModel({ modelPath: source.path, vocabOnly: true, gpuLayers: 0 });
        const probe = facesOf(model);
        await model.dispose();
        return probe;
      } catch (cause) {
        backendHeld = true;
        throw new EngineError("artifact", `${source.path} cannot be loaded as a model`, { cause });
      }
    },
    async deviceMemory() {
      const llama = await backend;
      if (llama === undefined || llama.gpu === false) return undefined;
      const { free, unifiedSize } = await llama.getVramState();
      return { free_bytes: free, isUnified: unifiedSize > 0 };
    },
    async cards() {
      const llama = await backend;
      if (llama === undefined || llama.gpu === false) return [];
      const [names, { total, unifiedSize }] = await Promise.all([llama.getGpuDeviceNames(), llama.getVramState()]);
      return graphicsCards({ api: llama.gpu, names, total_bytes: total, unified_bytes: unifiedSize });
    },
    async dispose() {
      disposed = true;
      for (const model of loaded) await model.dispose();
      const llama = await backend?.catch(() => undefined);
      if (!backendHeld) await llama?.dispose();
    },
  };
}

async function loadModel(llama: Llama, source: ModelSource, options: LoadOptions, signal?: AbortSignal): Promise<LlamaModel> {
  try {
    return await llama.loadModel({
      modelPath: source.path,
      gpuLayers: options.gpuLayers ?? "auto",
      ...(options.onProgress === undefined ? {} : { onLoadProgress: options.onProgress }),
      ...(signal === undefined ? {} : { loadSignal: signal }),
    });
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof InsufficientMemoryError) throw outOfMemory(source.buildId, cause);
    throw new EngineError("artifact", `${source.path} cannot be loaded as a model`, { cause });
  }
}

async function createContext(model: LlamaModel, options: ContextOptions, signal?: AbortSignal): Promise<LlamaContext> {
  try {
    return await model.createContext({
      ...options,
      // A smaller context than promised would break admission.
      failedCreationRemedy: false,
      ...(signal === undefined ? {} : { createSignal: signal }),
    });
  } catch (cause) {
    signal?.throwIfAborted();
    throw outOfMemory(`a context of ${options.sequences} × ${options.contextSize} tokens`, cause);
  }
}

/** A quantised cache needs flash attention. */
function kvCache({ kvCache = "f16" }: LoadOptions): LlamaContextOptions {
  if (kvCache === "f16") return {};
  return { flashAttention: true, experimentalKvCacheKeyType: GgmlType.Q8_0, experimentalKvCacheValueType: GgmlType.Q8_0 };
}

function threadsOf(llama: Llama, { threads_max }: LoadOptions): number {
  return threads_max ?? Math.max(1, llama.cpuMathCores - 1);
}

function outOfMemory(what: string, cause: unknown): EngineError {
  return new EngineError("out_of_memory", `not enough memory for ${what}`, { cause });
}

function checkOptions({ sequences, contextLength_tokens, threads_max = 1, gpuLayers = 0 }: LoadOptions): void {
  const counts = [sequences, contextLength_tokens, threads_max, gpuLayers + 1];
  if (!counts.every((count) => Number.isSafeInteger(count) && count >= 1)) {
    throw new EngineError("internal", "sequences, context length, threads and layers must be whole and positive");
  }
}
