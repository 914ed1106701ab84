import type { RequestSpec } from "../types.js";

/** Output assumed of a request that names no bound (routing.md §19). */
export const DEFAULT_OUTPUT_TOKENS = 256;

/** Estimated prompt; an estimate below zero counts as none. */
export function promptDemand_tokens(spec: RequestSpec): number {
  return spec.promptTokens > 0 ? spec.promptTokens : 0;
}

/** Largest output of one answer. */
export function outputDemand_tokens(spec: RequestSpec): number {
  return spec.maxOutputTokens > 0 ? spec.maxOutputTokens : DEFAULT_OUTPUT_TOKENS;
}

/** Prompt and largest output of one answer: what has to fit a context window. */
export function windowDemand_tokens(spec: RequestSpec): number {
  return promptDemand_tokens(spec) + outputDemand_tokens(spec);
}

/** What all answers may come to occupy: each has the prompt before it. */
export function requestDemand_tokens(spec: RequestSpec): number {
  return windowDemand_tokens(spec) * (spec.choices ?? 1);
}
