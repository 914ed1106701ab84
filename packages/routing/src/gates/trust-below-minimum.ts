import type { TrustLevel } from "@umbel/protocol";
import type { Gate } from "./gate.js";

const RANK: Readonly<Record<TrustLevel, number>> = { none: 0, self_signed: 1, hardware: 2 };

export const trustBelowMinimum: Gate = {
  reason: "trust_below_minimum",
  kind: "structural",
  words: "has proven less about itself than this coordinator asks for",
  refuses: (provider, _spec, context) => RANK[provider.trustLevel] < RANK[context.minTrust],
};
