import type { CostTerm } from "./term.js";

export const prefill: CostTerm = {
  name: "prefill",
  words: "reading this prompt",
  cost_ms: (measured) => (measured.prompt_tokens * 1000) / measured.prefill_tps,
};
