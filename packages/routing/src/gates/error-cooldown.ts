import { cooldownKey } from "../health/error-cooldown.js";
import type { Gate } from "./gate.js";

/** A machine may fail requests with tools and serve all others: only the kind that failed rests (routing.md §11.2). */
export const errorCooldown: Gate = {
  reason: "error_cooldown",
  kind: "transient",
  words: "has failed this kind of request twice within a minute",
  refuses: ({ errorCooldownUntil_ms }, spec, context) =>
    errorCooldownUntil_ms.size > 0 && (errorCooldownUntil_ms.get(cooldownKey(spec)) ?? 0) > context.now_ms,
  until_ms: ({ errorCooldownUntil_ms }, spec) => errorCooldownUntil_ms.get(cooldownKey(spec)) ?? 0,
};
