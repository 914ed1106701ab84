import type { Llama, LlamaContext, LlamaModel } from "node-llama-cpp";
import type { EngineFeature, LoadedModel, ModelProbe } from "../engine.js";
import { total_bytes } from "../memory.js";
import type { PrefixStore } from "../prefix-store.js";
import { createDecodeLoop } from "./decode-loop.js";
import { createGrammarCache } from "./grammar-cache.js";
import { allocatedMemory, contextMemory, createSampler, nativeContext } from "./native.js";
import { configureRawSampler } from "./sampling.js";
import { createSequencePool } from "./sequence-pool.js";
import { controlTokenTexts, createTokenTable, textOf, vocabularySize } from "./token-table.js";
import type { Turns } from "./turns.js";

/** Measured: pieces of 128 cost 4 % on a CPU (engine.md §8). How much of that a step takes is the pace's matter. */
const prefillOnCpu_tokens = 128;
/** A GPU needs larger pieces to be busy, and is done with them sooner. */
const prefillOnGpu_tokens = 512;

/** Prompt tokens that one step computes at most. */
export function prefillTokens(llama: Llama): number {
  return llama.gpu === false ? prefillOnCpu_tokens : prefillOnGpu_tokens;
}

export interface LlamaModelParts {
  readonly llama: Llama;
  readonly model: LlamaModel;
  readonly context: LlamaContext;
  readonly turns: Turns;
  readonly features: ReadonlySet<EngineFeature>;
  readonly buildId: string;
  readonly contextLength_tokens: number;
  readonly load_ms: number;
  readonly prefixes?: PrefixStore | undefined;
  readonly nextSeed: () => number;
  /** Monotonic. */
  readonly now_ms: () => number;
  readonly onDispose: () => void;
}

/** A loaded model with its context; owns both. */
export function createLlamaModel(parts: LlamaModelParts): LoadedModel {
  const { llama, model, context, contextLength_tokens } = parts;
  const sequences = context.totalSequences;
  const samplers = Array.from({ length: sequences }, () => createSampler(llama, model));
  const rawSampler = createSampler(llama, model);
  configureRawSampler(rawSampler);
  const vocabulary = vocabularySize(model);
  const tokenInfo = createTokenTable(model);
  const loop = createDecodeLoop({
    native: nativeContext(context),
    pool: createSequencePool(sequences),
    samplers,
    rawSampler,
    tokenInfo,
    grammars: createGrammarCache(llama, model),
    turns: parts.turns,
    contextLength_tokens,
    vocabularySize: vocabulary,
    prefill_tokens_max: prefillTokens(llama),
    attentionWindow_tokens: model.fileInsights.swaSize ?? 0,
    prefixes: parts.prefixes,
    token_bytes: total_bytes(contextMemory(context)) / (sequences * contextLength_tokens),
    nextSeed: parts.nextSeed,
    now_ms: parts.now_ms,
  });
  let disposal: Promise<void> | undefined;

  async function release(): Promise<void> {
    parts.onDispose();
    await loop.stop();
    for (const sampler of [...samplers, rawSampler]) sampler.dispose();
    await context.dispose();
    await model.dispose();
  }

  return {
    buildId: parts.buildId,
    contextLength_tokens,
    sequences,
    // llama.cpp gives every sequence cells of its own.
    cache_tokens: sequences * contextLength_tokens,
    features: parts.features,
    ...facesOf(model),
    controlTokens: controlTokenTexts(model),
    vocabularySize: vocabulary,
    memory: allocatedMemory(model, context),
    load_ms: parts.load_ms,
    tokenize: (text, special) => Int32Array.from(model.tokenize(text, special)),
    detokenize: (tokens) => textOf(model, tokenInfo, tokens),
    generate: (request) => loop.generate(request),
    dispose: () => {
      disposal ??= release();
      return disposal;
    },
  };
}

/** What templates lean on; known without weights, too. */
export function facesOf(model: LlamaModel): ModelProbe {
  return {
    chatTemplate: model.fileInfo.metadata.tokenizer?.chat_template,
    specialTokens: {
      bos: model.tokens.bosString ?? undefined,
      eos: model.tokens.eosString ?? undefined,
      addBos: model.tokens.shouldPrependBosToken,
    },
  };
}
