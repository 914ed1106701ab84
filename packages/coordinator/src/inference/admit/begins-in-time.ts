import { ApiError } from "@umbel/dialects";
import type { Settings } from "../../config/index.js";
import type { RetryAfter } from "../retry-after.js";
import type { Check, PreparedRequest } from "./check.js";

const RETRY_AFTER_s_max = 30;

export type PromptnessSettings = Pick<Settings, "ttftHardReject" | "firstContentBase_ms" | "firstContentPerToken_ms">;

/**
 * How late the first token of a request may be, where the operator refuses what would be later; undefined where it is served all the same. It
 * goes with the request: no machine is chosen for it that is expected to begin later, at the first attempt or at any other.
 */
export function ttftCeiling_ms({ promptTokens, spec }: Pick<PreparedRequest, "promptTokens" | "spec">, settings: PromptnessSettings) {
  return settings.ttftHardReject && spec.route === "public" ? target_ms(promptTokens, settings) : undefined;
}

/** How much later than it may the best machine would begin, in milliseconds; 0 where that is unknown, or of no account. */
export function lateness_ms({ preview, spec }: Pick<PreparedRequest, "preview" | "spec">): number {
  if (spec.ttftCeiling_ms === undefined || preview.bestTtft_ms === undefined) return 0;
  return Math.max(0, preview.bestTtft_ms - spec.ttftCeiling_ms);
}

/** Only where the operator wants it: usually the best machine serves, late as it is. Sources: api.md §10.4, §10.5. */
export function beginsInTime(settings: PromptnessSettings, retryAfter: RetryAfter): Check<PreparedRequest> {
  return {
    name: "begins_in_time",
    stage: "routing_ttft",
    refuse(request) {
      const late_s = Math.ceil(lateness_ms(request) / 1_000);
      if (late_s === 0) return undefined;
      const { publicName, build, promptTokens } = request;
      const retryAfter_s = Math.min(RETRY_AFTER_s_max, Math.max(retryAfter.seconds(build.id), late_s));
      const target_s = Math.ceil(target_ms(promptTokens, settings) / 1_000);
      return new ApiError({
        status: 429,
        code: "rate_limit_exceeded",
        message: `all providers for model "${publicName}" would take longer than ${target_s}s to begin — retry after ${retryAfter_s}s`,
        retryAfter_s,
      });
    },
  };
}

function target_ms(promptTokens: number, { firstContentBase_ms, firstContentPerToken_ms }: PromptnessSettings): number {
  return firstContentBase_ms + firstContentPerToken_ms * promptTokens;
}
