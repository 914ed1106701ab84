import { windowDemand_tokens } from "../admission/demand.js";
import type { Gate } from "./gate.js";

/** A machine may offer a build with a smaller window than the build has. An unknown window (0) passes. */
export const contextTooSmall: Gate = {
  reason: "context_too_small",
  kind: "structural",
  words: "offers this build with a context window smaller than prompt and answer",
  refuses: (provider, spec) => {
    const window_tokens = provider.builds.get(spec.build)?.contextLength_tokens ?? 0;
    return window_tokens > 0 && windowDemand_tokens(spec) > window_tokens;
  },
};
