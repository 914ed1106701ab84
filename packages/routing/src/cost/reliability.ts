import type { CostTerm } from "./term.js";

/** What a machine that fails is likely to cost: the least share of successes it is sure of, once enough is known (routing.md §5). */
export const reliability: CostTerm = {
  name: "reliability",
  words: "work that it has failed before",
  cost_ms: ({ provider }, profile) => (1 - (provider.reliability ?? 1)) * profile.unreliable_ms,
};
