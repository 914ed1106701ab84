import type { Gate } from "./gate.js";

export const toolsUnsupported: Gate = {
  reason: "tools_unsupported",
  kind: "structural",
  words: "offers this build without tool calls, which the request needs",
  refuses: (provider, spec) => spec.needsTools && provider.builds.get(spec.build)?.tools !== true,
};
