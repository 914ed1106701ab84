import type { Gate } from "./gate.js";

export const templateBroken: Gate = {
  reason: "template_broken",
  kind: "structural",
  words: "cannot render this build's chat template",
  refuses: (provider, spec) => provider.builds.get(spec.build)?.templateBroken === true,
};
