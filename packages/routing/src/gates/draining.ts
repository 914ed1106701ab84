import type { Gate } from "./gate.js";

export const draining: Gate = {
  reason: "draining",
  kind: "transient",
  words: "is finishing its work and takes no more",
  refuses: (provider) => provider.draining,
};
