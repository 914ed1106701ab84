import type { CostTerm } from "./term.js";

/** While a release of the provider fails on many machines, others are preferred; where there are none, it serves (routing.md §11.3). */
export const release: CostTerm = {
  name: "release",
  words: "its release fails on many machines at the moment",
  cost_ms: ({ provider }, profile) => (provider.suspectRelease === true ? profile.suspectRelease_ms : 0),
};
