import type { CostTerm } from "./term.js";

/** Tokens that running and waiting requests may still take. A slot with a token budget reports them; else they are reckoned. */
export const backlog: CostTerm = {
  name: "backlog",
  words: "tokens that earlier requests may still take",
  cost_ms: ({ provider, slot, decode_tps, output_tokens }, { backlogWeight }, spec) => {
    const token_ms = (1000 * backlogWeight) / decode_tps;
    const placed_tokens = provider.pending.get(spec.build)?.tokens ?? 0;
    if (!slot) return placed_tokens * token_ms;
    if (slot.tokenBudgetMax > 0) return slot.tokenBudgetUsed * token_ms;
    return Math.max(slot.activeTokens + slot.waiting * output_tokens, placed_tokens) * token_ms;
  },
};
