import type { Gate } from "./gate.js";

export const thermalCritical: Gate = {
  reason: "thermal_critical",
  kind: "transient",
  words: "is too hot",
  refuses: (provider) => provider.thermal === "critical",
};
