import { type LlamaContext, type LlamaModel, LlamaVocabularyType, type Token } from "node-llama-cpp";
import { EngineError, type LoadedEmbedder } from "../engine.js";
import { unitVector } from "../unit-vector.js";
import { readEmbeddingMetadata } from "./embedding-metadata.js";
import { toEngineError } from "./job.js";
import { allocatedMemory, nativeEmbeddingContext } from "./native.js";
import { longestToken_chars, vocabularySize } from "./token-table.js";
import { createTurns, type Turns } from "./turns.js";

/**
 * How much of an input is computed in one step. Pieces where the model allows them: they bound the wait of others for their turn, and the
 * memory for results in between. A model whose tokens look at later ones too needs the whole input at once.
 */
export function embeddingPiece_tokens(model: LlamaModel, prefill_tokens: number, contextLength_tokens: number): number {
  const { readsForward } = readEmbeddingMetadata(model.fileInfo);
  return readsForward ? Math.min(prefill_tokens, contextLength_tokens) : contextLength_tokens;
}

export interface LlamaEmbedderParts {
  readonly model: LlamaModel;
  /** Of one sequence, made for embeddings. */
  readonly context: LlamaContext;
  /** Shared with the engine's other models. */
  readonly turns: Turns;
  /** As much as the context takes in one batch. */
  readonly piece_tokens: number;
  readonly buildId: string;
  readonly contextLength_tokens: number;
  readonly load_ms: () => number;
  readonly onDispose: () => void;
}

const probeText = "a";

/**
 * An embedding model with its context; owns both. The binding reads one vector a batch, so inputs are computed one after the other.
 *
 * @throws EngineError `artifact` when no vector comes out
 */
export async function createLlamaEmbedder(parts: LlamaEmbedderParts): Promise<LoadedEmbedder> {
  const { model, context, turns, contextLength_tokens } = parts;
  const native = nativeEmbeddingContext(context);
  const { pooling, vectorSize_min } = readEmbeddingMetadata(model.fileInfo);
  const vocabulary = vocabularySize(model);
  const frame = frameTokens(model);
  const tooLong_chars = (contextLength_tokens + 1) * longestToken_chars(model);
  /** Inputs have the context to themselves. */
  const inputs = createTurns();
  let unloaded = false;
  let disposal: Promise<void> | undefined;

  function refuse(tokens: Int32Array): void {
    if (unloaded) throw new EngineError("internal", "the model was unloaded");
    if (tokens.length === 0) throw new EngineError("internal", "an input without tokens has no vector");
    if (tokens.length > contextLength_tokens) {
      throw new EngineError("context_exceeded", `the input needs ${tokens.length} tokens of ${contextLength_tokens}`);
    }
    // The native code does not look before it reads the embedding.
    if (tokens.some((id) => id < 0 || id >= vocabulary)) throw new EngineError("internal", "a token id is outside the vocabulary");
  }

  async function piece(tokens: Uint32Array, position: number): Promise<Float64Array> {
    native.initBatch(tokens.length);
    native.addToBatch(0, position, tokens, Uint32Array.from(tokens.keys()));
    await native.decodeBatch();
    return native.getEmbedding(tokens.length);
  }

  /** What the whole input comes to: a later piece has seen the earlier ones, so the mean of all is the weighted mean of the pieces'. */
  async function pooled(tokens: Uint32Array, signal: AbortSignal | undefined): Promise<Float64Array> {
    let result: Float64Array | undefined;
    for (let at = 0; at < tokens.length; at += parts.piece_tokens) {
      const part = tokens.subarray(at, at + parts.piece_tokens);
      const vector = await turns.take(() => {
        signal?.throwIfAborted();
        if (unloaded) throw new EngineError("internal", "the model was unloaded");
        if (at === 0) native.removeTokenCellsFromSequence(0, 0, -1);
        return piece(part, at);
      });
      if (pooling === "mean") {
        const weight = part.length / tokens.length;
        const sum = result;
        result = vector.map((value, i) => (sum?.[i] ?? 0) + value * weight);
      } else if (pooling === "last" || result === undefined) {
        result = vector;
      }
    }
    return result ?? new Float64Array(0);
  }

  async function embed(tokens: Int32Array, signal?: AbortSignal): Promise<Float32Array> {
    refuse(tokens);
    try {
      const vector = unitVector(await inputs.take(() => pooled(Uint32Array.from(tokens), signal)));
      if (vector === undefined) throw new EngineError("internal", "the vector of an input has no direction");
      return vector;
    } catch (cause) {
      signal?.throwIfAborted();
      throw toEngineError(cause);
    }
  }

  function framed(text: string): Int32Array {
    const tokens = model.tokenize(text, false);
    return Int32Array.from(frame.before.concat(tokens, frame.after));
  }

  /** Megabytes of text would hold up everything else for seconds, only to be refused. */
  function encode(text: string): Int32Array {
    const start = text.length > tooLong_chars ? framed(text.slice(0, tooLong_chars)) : undefined;
    return start !== undefined && start.length > contextLength_tokens ? start : framed(text);
  }

  async function release(): Promise<void> {
    unloaded = true;
    parts.onDispose();
    await inputs.take(() => Promise.resolve());
    await context.dispose();
    await model.dispose();
  }

  const probe = await embed(encode(probeText)).catch((cause: unknown) => {
    throw new EngineError("artifact", `${parts.buildId} makes no vectors`, { cause });
  });
  return {
    buildId: parts.buildId,
    contextLength_tokens,
    vectorSize: probe.length,
    vectorSize_min: vectorSize_min !== undefined && vectorSize_min < probe.length ? vectorSize_min : undefined,
    memory: allocatedMemory(model, context),
    load_ms: parts.load_ms(),
    encode,
    embed,
    dispose: () => {
      disposal ??= release();
      return disposal;
    },
  };
}

/** Which tokens llama.cpp's own tokenization puts around a text; they are no part of what `tokenize` of the binding returns. */
function frameTokens({ tokens, vocabularyType }: LlamaModel): { readonly before: Token[]; readonly after: readonly Token[] } {
  const present = (token: Token | null): Token[] => (token === null ? [] : [token]);
  switch (vocabularyType) {
    case LlamaVocabularyType.rwkv:
      return { before: [], after: [] };
    case LlamaVocabularyType.wpm:
      return { before: present(tokens.bos), after: present(tokens.sep) };
    case LlamaVocabularyType.ugm:
      return { before: [], after: present(tokens.eos) };
    default:
      return {
        before: tokens.shouldPrependBosToken ? present(tokens.bos) : [],
        after: tokens.shouldAppendEosToken ? present(tokens.eos) : [],
      };
  }
}
