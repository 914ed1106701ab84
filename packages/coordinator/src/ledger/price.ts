import type { Usage } from "@umbel/protocol";
import type { MicroUsd, Prices, TokenPrices } from "./types.js";

const TOKENS_PER_PRICE = 1_000_000n;
/** What a request costs at least, $0.0001 (money.md §6). */
export const MINIMUM_COST_MICRO_USD: MicroUsd = 100n;
/** Prices of a build that has no list price. */
export const FALLBACK_PRICES: Prices = { input_microUsd: 50_000n, output_microUsd: 200_000n, source: "fallback" };

export interface TokenBounds {
  readonly promptBound_tokens: number;
  readonly outputBound_tokens: number;
}

/** Price of a request that uses all it may: what is held before it starts. */
export function worstCase({ promptBound_tokens, outputBound_tokens }: TokenBounds, prices: TokenPrices): MicroUsd {
  return atLeastMinimum(tokenCost(promptBound_tokens, outputBound_tokens, prices));
}

/** Price of what was used; nothing when nothing was. Reasoning is part of completion, and cached prompt tokens cost like others. */
export function costOf(usage: Pick<Usage, "prompt_tokens" | "completion_tokens">, prices: TokenPrices): MicroUsd {
  if (usage.prompt_tokens === 0 && usage.completion_tokens === 0) return 0n;
  return atLeastMinimum(tokenCost(usage.prompt_tokens, usage.completion_tokens, prices));
}

/** The same for an aggregator: no least charge, but something for something. */
export function serviceCostOf(usage: Pick<Usage, "prompt_tokens" | "completion_tokens">, prices: TokenPrices): MicroUsd {
  if (usage.prompt_tokens === 0 && usage.completion_tokens === 0) return 0n;
  const cost = tokenCost(usage.prompt_tokens, usage.completion_tokens, prices);
  return cost > 0n ? cost : 1n;
}

/** The platform's share, rounded down; the provider gets the rest. */
export function feeOf(cost: MicroUsd, feePercent: number): MicroUsd {
  return (cost * BigInt(feePercent)) / 100n;
}

/** Usage that a machine reported, brought inside what the request may use. No reported number is trusted (money.md §6). */
export function clampUsage(
  reported: Usage,
  { promptBound_tokens, outputBound_tokens }: TokenBounds,
): { readonly usage: Usage; readonly clamped: boolean } {
  const prompt_tokens = clamp(reported.prompt_tokens, promptBound_tokens);
  const completion_tokens = clamp(reported.completion_tokens, outputBound_tokens);
  const usage: Usage = {
    prompt_tokens,
    completion_tokens,
    reasoning_tokens: clamp(reported.reasoning_tokens, completion_tokens),
    cached_prompt_tokens: clamp(reported.cached_prompt_tokens, prompt_tokens),
  };
  const clamped = prompt_tokens !== reported.prompt_tokens || completion_tokens !== reported.completion_tokens;
  return { usage, clamped };
}

/** Each side is rounded down by itself. */
function tokenCost(prompt_tokens: number, output_tokens: number, prices: TokenPrices): MicroUsd {
  const input = (BigInt(prompt_tokens) * prices.input_microUsd) / TOKENS_PER_PRICE;
  const output = (BigInt(output_tokens) * prices.output_microUsd) / TOKENS_PER_PRICE;
  return input + output;
}

function atLeastMinimum(cost: MicroUsd): MicroUsd {
  return cost > MINIMUM_COST_MICRO_USD ? cost : MINIMUM_COST_MICRO_USD;
}

function clamp(tokens: number, bound_tokens: number): number {
  if (!(tokens > 0)) return 0;
  return Math.min(Math.trunc(tokens), bound_tokens);
}
