import type { CostTerm } from "./term.js";

/** Work for other builds slows the machine too. */
export const pending: CostTerm = {
  name: "pending",
  words: "requests placed on the machine, whatever their build",
  cost_ms: (measured, profile) => measured.provider.pendingTotal * profile.pending_ms,
};
