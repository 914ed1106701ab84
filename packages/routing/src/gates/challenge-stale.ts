import type { Gate } from "./gate.js";

export const challengeStale: Gate = {
  reason: "challenge_stale",
  kind: "transient",
  words: "has not proven possession of its keys recently",
  refuses: (provider, _spec, context) =>
    provider.challengedAt_ms === undefined || context.now_ms - provider.challengedAt_ms > context.challengeFreshness_ms,
};
