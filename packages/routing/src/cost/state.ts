import type { CostTerm } from "./term.js";

export const state: CostTerm = {
  name: "state",
  words: "bringing the build into memory",
  cost_ms: (measured, profile) => measured.load_ms * profile.stateWeight,
};
