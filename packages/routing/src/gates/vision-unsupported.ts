import type { Gate } from "./gate.js";

export const visionUnsupported: Gate = {
  reason: "vision_unsupported",
  kind: "structural",
  words: "offers this build without image input, which the request needs",
  refuses: (provider, spec) => spec.needsVision && provider.builds.get(spec.build)?.vision !== true,
};
