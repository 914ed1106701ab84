import { ApiError, type ApiErrorCode } from "@umbel/dialects";
import type { ErrorClass, InferenceError } from "@umbel/protocol";
import { LOCAL_LIMITS } from "./limits.js";

interface Meaning {
  readonly status: number;
  readonly code: ApiErrorCode;
  readonly message: string;
}

/** What went wrong in the worker, as whoever asked is told. Source: provider.md §7. */
const MEANINGS: Readonly<Record<ErrorClass, Meaning>> = {
  client_request: { status: 400, code: "invalid_request_error", message: "the model cannot do what the request asks for" },
  context_exceeded: { status: 400, code: "context_length_exceeded", message: "the request is longer than the model's context" },
  capacity_kv: { status: 503, code: "service_unavailable", message: "no memory is free for the request — retry in a moment" },
  capacity_slots: { status: 503, code: "service_unavailable", message: "every place is taken by other models at work — retry in a moment" },
  capacity_queue: { status: 429, code: "rate_limit_exceeded", message: "the queue is full — retry in a moment" },
  draining: { status: 503, code: "service_unavailable", message: "this endpoint is shutting down" },
  not_loaded: { status: 503, code: "model_not_loaded", message: "the model is not loaded yet — retry in a moment" },
  load_failed_memory: { status: 503, code: "model_unavailable", message: "the model does not fit into this machine's memory" },
  load_failed_artifact: { status: 500, code: "provider_error", message: "the model's files could not be loaded — import the model again" },
  template_render: { status: 400, code: "invalid_request_error", message: "the model's chat template does not take these messages" },
  engine_crash: { status: 500, code: "provider_error", message: "the engine stopped unexpectedly and is started again" },
  internal: { status: 500, code: "provider_error", message: "the model failed" },
  cancelled: { status: 499, code: "provider_error", message: "the request was cancelled" },
  timeout: { status: 504, code: "timeout", message: "the request did not reach the model in time" },
};

/** @param detail what the worker says besides; it never holds text of the request */
export function localError(errorClass: ErrorClass, detail: Pick<InferenceError, "param" | "needed" | "available"> = {}): ApiError {
  const { status, code, message } = MEANINGS[errorClass];
  const { needed, available } = detail;
  const figures = needed === undefined || available === undefined ? "" : `: ${needed} tokens are needed, ${available} are there`;
  const param = errorClass === "context_exceeded" ? "messages" : detail.param;
  return new ApiError({
    status,
    code,
    message: `${message}${figures}`,
    ...(status === 400 && { type: "invalid_request_error" }),
    ...(param !== undefined && { param }),
    ...((status === 429 || status === 503) && { retryAfter_s: LOCAL_LIMITS.retry_s }),
  });
}

/** What fastify refuses by itself. */
const FRAMEWORK_MEANINGS: Readonly<Record<string, Meaning>> = {
  FST_ERR_BAD_URL: { status: 400, code: "invalid_request_error", message: "the URL is not valid" },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: { status: 400, code: "invalid_request_error", message: "the content length is not valid" },
};

/** The error as its caller may see it: what is not known is an internal error without details. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const known = error instanceof Error && "code" in error ? FRAMEWORK_MEANINGS[String(error.code)] : undefined;
  if (known !== undefined) return new ApiError({ ...known, cause: error });
  return new ApiError({ status: 500, code: "internal_error", message: "internal server error", cause: error });
}

export function notReady(): ApiError {
  return localError("not_loaded");
}

export function resting(): ApiError {
  return new ApiError({
    status: 503,
    code: "service_unavailable",
    message: "this machine takes no work for now — umbel provider status says why, umbel provider resume ends a pause",
    retryAfter_s: LOCAL_LIMITS.retry_s,
  });
}

export function notReadFastEnough(): ApiError {
  return new ApiError({ status: 504, code: "timeout", message: "the answer was not read fast enough" });
}

export function tooLarge(bytes_max: number): ApiError {
  return new ApiError({
    status: 413,
    code: "payload_too_large",
    type: "invalid_request_error",
    message: `request body exceeds the ${bytes_max}-byte limit`,
  });
}
