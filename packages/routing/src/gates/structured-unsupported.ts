import type { Gate } from "./gate.js";

export const structuredUnsupported: Gate = {
  reason: "structured_unsupported",
  kind: "structural",
  words: "offers this build without structured output, which the request needs",
  refuses: (provider, spec) => spec.needsStructured === true && provider.builds.get(spec.build)?.structured !== true,
};
