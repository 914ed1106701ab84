import type { CostTerm } from "./term.js";

/** Discount for the provider that may still hold the consumer's prefix in its cache (routing.md §15). Last: never below a cost of zero. */
export const affinity: CostTerm = {
  name: "affinity",
  words: "discount, since it served this conversation last",
  cost_ms: (measured, profile, spec, subtotal_ms) =>
    spec.affinityProviderId === measured.provider.id ? -Math.min(profile.affinity_ms_max, subtotal_ms) : 0,
};
