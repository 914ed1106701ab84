import { ApiError } from "@umbel/dialects";
import type { RetryAfter } from "../retry-after.js";
import type { Check, PreparedRequest } from "./check.js";
import { isExclusive } from "./prepare.js";

/** The operator takes load off a model for a while; what goes to the account's own machines only is no load of his. */
export function modelNotShed(shed: readonly string[], retryAfter: RetryAfter): Check<PreparedRequest> {
  return {
    name: "model_not_shed",
    stage: "model_shed",
    refuse({ input, publicName, build }) {
      if (isExclusive(input)) return undefined;
      if (!shed.includes(publicName) && !shed.includes(build.id)) return undefined;
      const retryAfter_s = retryAfter.seconds(build.id);
      return new ApiError({
        status: 429,
        code: "rate_limit_exceeded",
        message: `model "${publicName}" is temporarily rate-limited — retry after ${retryAfter_s}s`,
        retryAfter_s,
      });
    },
  };
}
