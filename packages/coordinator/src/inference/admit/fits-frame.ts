import { ApiError } from "@umbel/dialects";
import { WIRE_LIMITS } from "@umbel/protocol";
import type { Check, PreparedRequest } from "./check.js";

/** The exact bytes to be sealed, after defaults were filled in: larger would tear the provider's session. */
export const fitsFrame: Check<PreparedRequest> = {
  name: "fits_frame",
  stage: "validation",
  refuse({ body }) {
    const limit_bytes = WIRE_LIMITS.requestBody_bytes_max;
    if (body.length <= limit_bytes) return undefined;
    return new ApiError({
      status: 413,
      code: "payload_too_large",
      type: "invalid_request_error",
      message: `the request has ${body.length} bytes when prepared for the model; the limit is ${limit_bytes}`,
    });
  },
};
