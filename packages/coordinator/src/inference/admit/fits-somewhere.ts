import { ApiError } from "@umbel/dialects";
import { isWorthWaiting } from "@umbel/routing";
import type { Fleet } from "../../fleet/index.js";
import type { RetryAfter } from "../retry-after.js";
import type { Check, PreparedRequest } from "./check.js";

/**
 * A request that fits the model's window may still be longer than any machine there has memory for. It would wait in vain for one that is
 * idle. Other machines may come, so it may be asked again. Source: api.md §10.6.
 */
export function fitsSomewhere(fleet: Pick<Fleet, "couldHold">, retryAfter: RetryAfter): Check<PreparedRequest> {
  return {
    name: "fits_somewhere",
    stage: "preflight_capacity",
    refuse({ preview, spec, publicName, build, promptTokens, outputBound_tokens }) {
      if (preview.candidates > 0 || !isWorthWaiting(preview) || fleet.couldHold(spec)) return undefined;
      const retryAfter_s = retryAfter.seconds(build.id);
      return new ApiError({
        status: 429,
        code: "prompt_too_long",
        type: "rate_limit_exceeded",
        message:
          `no machine with model "${publicName}" has memory for a request of about ${promptTokens} prompt tokens and up to ` +
          `${outputBound_tokens} output tokens right now — ask for fewer, or retry after ${retryAfter_s}s`,
        retryAfter_s,
      });
    },
  };
}
