import type { Gate } from "./gate.js";

/** A request for the caller's own machines goes nowhere else. */
export const notOwned: Gate = {
  reason: "not_owned",
  kind: "structural",
  words: "belongs to another account, and the request is for the caller's own machines",
  refuses: (provider, spec) => spec.route === "self" && provider.accountId !== spec.accountId,
};
