import { systemClock } from "@umbel/protocol/native";
import { createLlamaEngine, type GenerateRequest, type LoadedModel } from "@umbel/provider/engine";
import type { BenchModel } from "./bench-model.js";

export const CONTEXT_TOKENS = 2_048;
export const SEQUENCES = 16;
/** One thread each, so that neither side waits for a core that the machine's other work holds. */
export const THREADS = 1;
/** Nothing that ends an answer before its limit. */
const NO_END = -1_000;

export interface Workbench {
  readonly model: LoadedModel;
  /** A request for exactly so many tokens. */
  request(tokens: Int32Array, maxTokens: number, cacheScope?: string): GenerateRequest;
  /** A prompt of ordinary tokens that nobody has sent before. */
  freshPrompt(length: number): Int32Array;
  close(): Promise<void>;
}

/** A model as the worker holds it, below chat and batcher. */
export async function openWorkbench({ name, weights }: BenchModel): Promise<Workbench> {
  const engine = createLlamaEngine({ clock: systemClock });
  const options = { sequences: SEQUENCES, contextLength_tokens: CONTEXT_TOKENS, threads_max: THREADS, gpuLayers: 0 };
  const model = await engine.load({ buildId: name, path: weights }, options);
  const words = wordTokens(model);
  const logitBias = new Map(endTokens(model).map((id) => [id, NO_END]));
  let drawn = 1;
  /** xorshift32: a prompt need not be unpredictable, only new. */
  const draw = (): number => {
    drawn ^= drawn << 13;
    drawn ^= drawn >>> 17;
    drawn ^= drawn << 5;
    return (drawn >>> 0) / 2 ** 32;
  };
  return {
    model,
    request: (tokens, maxTokens, cacheScope) => ({
      ...{ tokens, maxTokens, sampling: { temperature: 0, logitBias } },
      ...(cacheScope !== undefined && { cacheScope }),
    }),
    freshPrompt: (length) => Int32Array.from({ length }, () => words[Math.floor(draw() * words.length)] ?? 0),
    close: async () => {
      await model.dispose();
      await engine.dispose();
    },
  };
}

function wordTokens(model: LoadedModel): number[] {
  const text = "the little robot looked at a red house by the river and told its friend that there was some bread for them all";
  return [...new Set(model.tokenize(text, false))];
}

export function endTokens(model: Pick<LoadedModel, "specialTokens" | "controlTokens" | "tokenize">): number[] {
  return [...new Set(model.controlTokens.flatMap((text) => [...model.tokenize(text, true)]))];
}
