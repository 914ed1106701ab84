import { ApiError, type ApiErrorCode } from "@umbel/dialects";
import { LedgerUnavailableError } from "../ledger/index.js";

const RETRY_AFTER_s = 2;

/** What fastify itself refuses, in our vocabulary. Anything else it throws is our own fault. */
const FRAMEWORK_CODES: Readonly<Record<string, { readonly status: number; readonly code: ApiErrorCode; readonly message: string }>> = {
  FST_ERR_BAD_URL: { status: 400, code: "invalid_request_error", message: "the URL is not valid" },
  FST_ERR_MAX_PARAM_LENGTH: { status: 404, code: "not_found", message: "the path is too long" },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: { status: 400, code: "invalid_request_error", message: "the content length is not valid" },
};

/** The error as its caller may see it: what is not an ApiError is an internal error without details. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof LedgerUnavailableError) {
    return new ApiError({
      status: 503,
      code: "service_unavailable",
      message: "the ledger cannot be reached right now — please retry",
      retryAfter_s: RETRY_AFTER_s,
      cause: error,
    });
  }
  const known = error instanceof Error && "code" in error ? FRAMEWORK_CODES[String(error.code)] : undefined;
  if (known !== undefined) return new ApiError({ ...known, cause: error });
  return new ApiError({ status: 500, code: "internal_error", message: "internal server error", cause: error });
}

export function endpointNotFound(method: string, path: string): ApiError {
  return new ApiError({ status: 404, code: "invalid_request_error", message: `endpoint ${method} ${path} is not implemented` });
}

export function methodNotAllowed(method: string, path: string, allowed: readonly string[]): ApiError {
  return new ApiError({
    status: 405,
    code: "method_not_allowed",
    type: "invalid_request_error",
    message: `${method} is not allowed on ${path}; use ${allowed.join(" or ")}`,
  });
}

/** Headers that go with an error whatever its body looks like. */
export function errorHeaders(error: ApiError): Record<string, string> {
  const { retryAfter_s, retryAfter_ms } = error;
  if (retryAfter_s === undefined) return error.headers;
  return { ...error.headers, "Retry-After": String(retryAfter_s), "Retry-After-Ms": String(retryAfter_ms) };
}
