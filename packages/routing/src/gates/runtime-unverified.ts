import type { Gate } from "./gate.js";

export const runtimeUnverified: Gate = {
  reason: "runtime_unverified",
  kind: "structural",
  words: "runs a program that is none of the releases that this coordinator accepts",
  refuses: (provider) => !provider.runtimeVerified,
};
