import type { ChatRequest } from "@umbel/dialects";
import type { EngineSampling } from "../engine/index.js";
import { badParameter } from "./chat-error.js";

/** OpenAI's default; the coordinator fills in a model's own before sealing. */
const temperature_default = 1;

/**
 * @param random uniform in [0, 1); seeds a request that names no seed
 * @throws ChatError `client_request` with the parameter that is outside its range
 */
export function engineSampling({ sampling }: ChatRequest, vocabularySize: number, random: () => number): EngineSampling {
  const inRange = (param: string, value: number, min: number, max: number): number => {
    if (!(value >= min && value <= max)) throw badParameter(param);
    return value;
  };
  return {
    temperature: inRange("temperature", sampling.temperature ?? temperature_default, 0, 100),
    topP: inRange("top_p", sampling.topP ?? 1, 0, 1),
    // Some callers say -1 for "all", as vLLM does.
    topK: Math.max(0, Math.floor(inRange("top_k", sampling.topK ?? 0, -1, 2 ** 31 - 1))),
    minP: inRange("min_p", sampling.minP ?? 0, 0, 1),
    seed: seed(sampling.seed ?? Math.floor(random() * 2 ** 32)),
    frequencyPenalty: inRange("frequency_penalty", sampling.frequencyPenalty ?? 0, -100, 100),
    presencePenalty: inRange("presence_penalty", sampling.presencePenalty ?? 0, -100, 100),
    repetitionPenalty: inRange("repetition_penalty", sampling.repetitionPenalty ?? 1, 0.01, 100),
    logitBias: logitBias(sampling.logitBias ?? {}, vocabularySize),
  };
}

/** Any number, also a large or negative one, becomes one of 32 bits. */
function seed(value: number): number {
  if (!Number.isFinite(value)) throw badParameter("seed");
  const rest = Math.floor(value) % 2 ** 32;
  return rest < 0 ? rest + 2 ** 32 : rest;
}

function logitBias(biases: Readonly<Record<string, number>>, vocabularySize: number): Map<number, number> {
  const result = new Map<number, number>();
  for (const [key, bias] of Object.entries(biases)) {
    const token = Number(key);
    if (!Number.isInteger(token) || token < 0 || token >= vocabularySize || !(Math.abs(bias) <= 100)) throw badParameter("logit_bias");
    result.set(token, bias);
  }
  return result;
}
