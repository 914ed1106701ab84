import type { CostTerm } from "./term.js";

export const decode: CostTerm = {
  name: "decode",
  words: "writing the longest answer this request allows",
  cost_ms: (measured) => (measured.output_tokens * 1000) / measured.decode_tps,
};
