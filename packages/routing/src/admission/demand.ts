import type { RequestSpec } from "../types.js";

/** Output assumed of a request that names no bound (routing.md §19). */
export const DEFAULT_OUTPUT_TOKENS = 256;

/** Estimated prompt; an estimate below zero counts as none. */
export function promptDemand_tokens(spec: RequestSpec): number {
  return spec.promptTokens > 0 ? spec.promptTokens : 0;
}

/** Largest output the request may ask for. */
export function outputDemand_tokens(spec: RequestSpec): number {
  return spec.maxOutputTokens > 0 ? spec.maxOutputTokens : DEFAULT_OUTPUT_TOKENS;
}

/** Prompt and largest output: what a request may come to occupy. */
export function requestDemand_tokens(spec: RequestSpec): number {
  return promptDemand_tokens(spec) + outputDemand_tokens(spec);
}
