import type { Clock } from "@umbel/protocol";
import {
  EngineError,
  type EngineFeature,
  type GenerateRequest,
  type InferenceEngine,
  type LoadedEmbedder,
  type LoadedModel,
  type LoadOptions,
  type ModelSource,
} from "../engine.js";
import { type LinkedAbort, linkedAbort } from "../linked-abort.js";
import { type Memory, type MemoryNeed, memoryOf, noMemory, times } from "../memory.js";
import { answerTokens } from "./answer.js";
import type { ScriptedEngineScript, ScriptedFault } from "./script.js";
import { type ScriptedStream, startStream } from "./stream.js";
import { scriptedTokenizer } from "./tokenizer.js";
import { scriptedVector, scriptedVectorSize, scriptedVectorSize_min } from "./vector.js";

export interface ScriptedEngineDependencies {
  readonly clock: Clock;
  /** Uniform in [0, 1); seeds the words of requests that bring no seed. */
  readonly random: () => number;
  /** What a `crash` does; in a worker it ends the process. Nothing happens to the struck load or answer after it. */
  readonly crash: () => void;
}

/** Of a load that takes time; so often it says how far it has come. */
const progressReports = 10;

const answerFeatures: ReadonlySet<EngineFeature> = new Set(["seed"]);

/**
 * An engine without a model, for load tests, simulations and faults: it takes the time its script says and writes what its script says.
 * The same script, clock and seeds give the same events. It reads no file.
 *
 * Loading throws EngineError `internal` when the script says so.
 */
export function createScriptedEngine(script: ScriptedEngineScript, dependencies: ScriptedEngineDependencies): InferenceEngine {
  const { clock, crash } = dependencies;
  const streams = new Set<ScriptedStream>();
  const need = memoryNeed(script);
  let loads = 0;
  let requests = 0;

  /** The first fault at this place that still strikes. */
  function faultAt(place: (at: ScriptedFault["at"]) => boolean, ordinal: number): ScriptedFault | undefined {
    return script.faults.find(
      ({ at, from, times }) => place(at) && ordinal >= from && ordinal < from + (times ?? Number.POSITIVE_INFINITY),
    );
  }

  function taken(options: LoadOptions): Memory {
    return need === undefined ? noMemory : times(memoryOf(need, options), script.memory?.taken ?? 1);
  }

  async function load<T>(complete: () => T, { onProgress }: LoadOptions, signal: AbortSignal | undefined): Promise<T> {
    signal?.throwIfAborted();
    loads += 1;
    const stopReports = reportProgress(onProgress);
    await wait(clock, script.load_ms, signal).finally(stopReports);
    const fault = faultAt((at) => at === "load", loads);
    if (fault?.kind === "crash") crash();
    if (fault?.kind === "error") throw new EngineError("internal", "the script says so");
    if (fault?.kind === "out_of_memory") throw new EngineError("out_of_memory", "the script says so");
    if (fault !== undefined) await wait(clock, Number.POSITIVE_INFINITY, signal);
    return complete();
  }

  function reportProgress(onProgress: LoadOptions["onProgress"]): () => void {
    if (onProgress === undefined || script.load_ms === 0) return () => undefined;
    const shares = Array.from({ length: progressReports - 1 }, (_, i) => (i + 1) / progressReports);
    const cancels = shares.map((share) => clock.setTimer(script.load_ms * share, () => onProgress(share)));
    return () => {
      for (const cancel of cancels) cancel();
    };
  }

  function generate(request: GenerateRequest, options: LoadOptions, own: Set<ScriptedStream>): ScriptedStream {
    if (own.size >= options.sequences) throw new EngineError("no_free_sequence", "all sequences are in use");
    requests += 1;
    const needed = request.tokens.length + request.maxTokens;
    const tooLong = needed > options.contextLength_tokens;
    const fault = faultAt((at) => at !== "load", requests);
    const stream = startStream(
      {
        promptTokens: request.tokens.length,
        answer: tooLong ? new Int32Array(0) : answerTokens(script, request, dependencies.random),
        maxTokens: request.maxTokens,
        firstToken_ms: script.firstToken_ms,
        tokens_per_s: script.tokens_per_s,
        fault: fault && { kind: fault.kind, afterTokens: typeof fault.at === "object" ? fault.at.afterTokens : 0 },
      },
      clock,
      crash,
      () => {
        own.delete(stream);
        streams.delete(stream);
      },
    );
    own.add(stream);
    streams.add(stream);
    if (tooLong) stream.fail(new EngineError("context_exceeded", `the request needs ${needed} tokens of ${options.contextLength_tokens}`));
    return stream;
  }

  function loadedModel(source: ModelSource, options: LoadOptions): LoadedModel {
    const own = new Set<ScriptedStream>();
    return {
      buildId: source.buildId,
      contextLength_tokens: options.contextLength_tokens,
      sequences: options.sequences,
      cache_tokens: Math.min(script.cache_tokens ?? Number.POSITIVE_INFINITY, options.sequences * options.contextLength_tokens),
      features: answerFeatures,
      chatTemplate: undefined,
      specialTokens: { bos: undefined, eos: "<|im_end|>", addBos: false },
      controlTokens: scriptedTokenizer.controlTokens,
      vocabularySize: scriptedTokenizer.vocabularySize,
      memory: taken(options),
      load_ms: script.load_ms,
      tokenize: (text, special) => scriptedTokenizer.tokenize(text, special),
      detokenize: (tokens) => scriptedTokenizer.textOf(tokens),
      generate: (request) => generate(request, options, own),
      dispose: () => unload(own),
    };
  }

  async function embed(tokens: Int32Array, options: LoadOptions, signal: AbortSignal): Promise<Float32Array> {
    if (tokens.length > options.contextLength_tokens) {
      throw new EngineError("context_exceeded", `the input needs ${tokens.length} tokens of ${options.contextLength_tokens}`);
    }
    signal.throwIfAborted();
    requests += 1;
    const fault = faultAt((at) => at === "first_token", requests);
    await wait(clock, fault?.kind === "stall" ? Number.POSITIVE_INFINITY : script.firstToken_ms, signal);
    if (fault?.kind === "crash") crash();
    if (fault !== undefined) throw new EngineError("internal", "the script says so");
    return scriptedVector(tokens);
  }

  function loadedEmbedder(source: ModelSource, options: LoadOptions): LoadedEmbedder {
    const running = new Set<LinkedAbort>();
    return {
      buildId: source.buildId,
      contextLength_tokens: options.contextLength_tokens,
      vectorSize: scriptedVectorSize,
      vectorSize_min: scriptedVectorSize_min,
      memory: taken(options),
      load_ms: script.load_ms,
      encode: (text) => scriptedTokenizer.tokenize(text, false),
      async embed(tokens, signal) {
        const abort = linkedAbort(signal);
        running.add(abort);
        try {
          return await embed(tokens, options, abort.signal);
        } finally {
          running.delete(abort);
          abort.unlink();
        }
      },
      dispose() {
        for (const abort of running) abort.abort(new EngineError("internal", "the model was unloaded"));
        return Promise.resolve();
      },
    };
  }

  return {
    id: "scripted",
    features: new Set<EngineFeature>([...answerFeatures, "embed"]),
    load: (source, options, signal) => load(() => loadedModel(source, options), options, signal),
    loadEmbedder: (source, options, signal) => load(() => loadedEmbedder(source, options), options, signal),
    estimate: () => Promise.resolve(need),
    probe: () => Promise.resolve({ chatTemplate: undefined, specialTokens: { bos: undefined, eos: undefined, addBos: false } }),
    deviceMemory: () => Promise.resolve(undefined),
    cards: () => Promise.resolve([]),
    dispose: () => unload(streams),
  };
}

function memoryNeed({ memory }: ScriptedEngineScript): MemoryNeed | undefined {
  if (memory === undefined) return undefined;
  return {
    fixed: { ram_bytes: memory.fixed_bytes, vram_bytes: 0 },
    perSequence: noMemory,
    perToken: { ram_bytes: memory.token_bytes, vram_bytes: 0 },
  };
}

function unload(streams: Set<ScriptedStream>): Promise<void> {
  for (const stream of streams) stream.fail(new EngineError("internal", "the model was unloaded"));
  return Promise.resolve();
}

/** Rejects with the signal's reason. An infinite wait takes no timer. */
function wait(clock: Clock, delay_ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      clearTimer();
      reject(signal?.reason);
    };
    const clearTimer = Number.isFinite(delay_ms)
      ? clock.setTimer(delay_ms, () => {
          signal?.removeEventListener("abort", abort);
          resolve();
        })
      : () => undefined;
    signal?.addEventListener("abort", abort, { once: true });
  });
}
