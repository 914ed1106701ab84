import type { Gate } from "./gate.js";

export const loadCooldown: Gate = {
  reason: "load_cooldown",
  kind: "transient",
  words: "failed to load this build a moment ago",
  refuses: (provider, spec, context) => (provider.loadCooldownUntil_ms.get(spec.build) ?? 0) > context.now_ms,
  until_ms: (provider, spec) => provider.loadCooldownUntil_ms.get(spec.build) ?? 0,
};
