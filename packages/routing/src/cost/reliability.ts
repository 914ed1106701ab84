import type { ProviderView } from "../types.js";
import type { CostProfile } from "./profile.js";
import type { CostTerm } from "./term.js";

/** What a machine that fails is likely to cost: the least share of successes it is sure of, once enough is known (routing.md §5). */
export const reliability: CostTerm = {
  name: "reliability",
  words: "work that it has failed before",
  cost_ms: ({ provider }, profile) => unreliability_ms(provider, profile),
};

export function unreliability_ms({ reliability = 1 }: ProviderView, profile: CostProfile): number {
  return (1 - reliability) * profile.unreliable_ms;
}
