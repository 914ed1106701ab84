import type { CostTerm } from "./term.js";

/** Discount for the machine that may still hold the prompt's beginning in its cache (routing.md §15). Last: never below a cost of zero. */
export const affinity: CostTerm = {
  name: "affinity",
  words: "discount for reading that it is spared, since it served this conversation last",
  cost_ms: ({ sparedPrefill_ms }, profile, _spec, subtotal_ms) => -Math.min(sparedPrefill_ms, profile.affinity_ms_max, subtotal_ms),
};
