import type { CostTerm } from "./term.js";

export const queue: CostTerm = {
  name: "queue",
  words: "requests ahead for this build",
  cost_ms: (measured, profile) => measured.ahead * profile.queued_ms,
};
