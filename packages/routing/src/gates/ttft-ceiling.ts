import { measure } from "../cost/measure.js";
import type { Gate } from "./gate.js";

/** Last in the order: the only gate that needs an estimate. A machine without a capacity report has none and passes. */
export const ttftCeiling: Gate = {
  reason: "ttft_ceiling",
  kind: "transient",
  words: "would take longer to the first token than the request may wait",
  refuses: (provider, spec, context) => {
    if (spec.ttftCeiling_ms === undefined) return false;
    const { ttft_ms } = measure(provider, spec, context);
    return ttft_ms !== undefined && ttft_ms > spec.ttftCeiling_ms;
  },
};
