import type { Gate } from "./gate.js";

/** Exclusion holds for the machine, so that one which reconnects in the middle of a request does not fail it twice. */
export const excluded: Gate = {
  reason: "excluded",
  kind: "request",
  words: "has already failed this request",
  refuses: (provider, spec) => spec.excluded.size > 0 && (spec.excluded.has(provider.id) || spec.excluded.has(provider.machineId)),
};
