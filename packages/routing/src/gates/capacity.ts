import { memoryAdmits } from "../admission/memory.js";
import type { Gate } from "./gate.js";

export const capacity: Gate = {
  reason: "capacity",
  kind: "transient",
  words: "has no room left in memory for this many tokens",
  refuses: (provider, spec) => !memoryAdmits(provider, spec),
};
