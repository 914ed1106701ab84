import type { Gate } from "./gate.js";

export const breakerOpen: Gate = {
  reason: "breaker_open",
  kind: "transient",
  words: "has failed too often lately and rests",
  refuses: (provider, _spec, context) => provider.breakerOpenUntil_ms > context.now_ms,
  until_ms: (provider) => provider.breakerOpenUntil_ms,
};
