import { EngineError, type EngineSampling } from "../engine.js";
import type { NativeSampler, SamplerConfig } from "./native.js";

/** What besides the sampling parameters decides the next token. */
export interface SamplingSituation {
  readonly prompt: Uint32Array;
  readonly contextLength_tokens: number;
  readonly vocabularySize: number;
  /** Used when the request names no seed. */
  readonly defaultSeed: number;
  readonly grammarState?: object | undefined;
}

/**
 * Prepares a sequence's sampler for its next request. Samplers are reused: the garbage collector does not see the megabytes
 * of a large vocabulary behind one.
 *
 * @throws EngineError `internal` for a parameter that is not a number in its range; the native code would not survive some of them.
 */
export function configureSampler(sampler: NativeSampler, sampling: EngineSampling, situation: SamplingSituation): void {
  const config = samplerConfig(sampling, situation);
  // An unchanged seed would keep the last request's generator going.
  sampler.applyConfig({ temperature: 0, topP: 1, topK: 0, minP: 0, seed: (config.seed ^ 1) >>> 0 });
  sampler.applyConfig(config);
}

/** A sampler that only reads: its probabilities are the model's own, before any other parameter. */
export function configureRawSampler(sampler: NativeSampler): void {
  sampler.applyConfig({ temperature: 0, topP: 1, topK: 0, minP: 0, seed: 0 });
}

function samplerConfig(sampling: EngineSampling, situation: SamplingSituation): SamplerConfig {
  return {
    temperature: inRange(sampling.temperature, 0, 100),
    topP: inRange(sampling.topP ?? 1, 0, 1),
    topK: Math.floor(inRange(sampling.topK ?? 0, 0, 2 ** 31 - 1)),
    minP: inRange(sampling.minP ?? 0, 0, 1),
    seed: Math.floor(inRange(sampling.seed ?? situation.defaultSeed, 0, 2 ** 32 - 1)),
    ...penalties(sampling, situation),
    ...bias(sampling.logitBias, situation.vocabularySize),
    ...(situation.grammarState === undefined ? {} : { grammarEvaluationState: situation.grammarState }),
  };
}

/**
 * Presence and frequency count what the model has written (OpenAI's definition, as vLLM reads it); a repetition penalty also
 * counts the prompt (its paper's and Hugging Face's definition). The sampler has one history, so the latter wins when both are asked for.
 */
function penalties(sampling: EngineSampling, situation: SamplingSituation): Partial<SamplerConfig> {
  const repetition = inRange(sampling.repetitionPenalty ?? 1, 0.01, 100);
  const presence = inRange(sampling.presencePenalty ?? 0, -100, 100);
  const frequency = inRange(sampling.frequencyPenalty ?? 0, -100, 100);
  if (repetition === 1 && presence === 0 && frequency === 0) return {};
  return {
    repeatPenalty: repetition,
    repeatPenaltyPresencePenalty: presence,
    repeatPenaltyFrequencyPenalty: frequency,
    repeatPenaltyMaxTokens: situation.contextLength_tokens,
    repeatPenaltyTokens: repetition === 1 ? new Uint32Array(0) : situation.prompt,
  };
}

function bias(biases: EngineSampling["logitBias"], vocabularySize: number): Partial<SamplerConfig> {
  if (biases === undefined || biases.size === 0) return {};
  const ids = [...biases.keys()].map((id) => Math.floor(inRange(id, 0, vocabularySize - 1)));
  return {
    tokenBiasKeys: Uint32Array.from(ids),
    tokenBiasValues: Float32Array.from(biases.values(), (value) => inRange(value, -1e6, 1e6)),
  };
}

function inRange(value: number, min: number, max: number): number {
  if (!(value >= min && value <= max)) throw new EngineError("internal", `a sampling parameter is outside ${min} to ${max}`);
  return value;
}
