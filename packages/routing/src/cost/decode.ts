import type { CostTerm } from "./term.js";

export const decode: CostTerm = {
  name: "decode",
  words: "writing the longest answer this request allows",
  cost_ms: (measured, profile) => (measured.output_tokens * 1000 * profile.decodeWeight) / measured.decode_tps,
};
