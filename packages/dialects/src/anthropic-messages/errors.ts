import type { ApiError } from "../canonical/api-error.js";
import { respelled } from "../canonical/respell.js";
import type { ErrorBody } from "./answer-schema.js";

/** Anthropic's types by status; its clients choose their error classes by these and by the status itself. Source: api.md §6.2. */
const TYPES: Readonly<Record<number, string>> = {
  401: "authentication_error",
  402: "billing_error",
  403: "permission_error",
  404: "not_found_error",
  409: "conflict_error",
  413: "request_too_large",
  429: "rate_limit_error",
  503: "overloaded_error",
  504: "timeout_error",
};

/** Parameters that admission and providers name as OpenAI does. */
const SPELLINGS: Readonly<Record<string, string>> = {
  response_format: "output_config.format",
  stop: "stop_sequences",
  max_completion_tokens: "max_tokens",
  reasoning_effort: "output_config.effort",
  chat_template_kwargs: "thinking",
  parallel_tool_calls: "tool_choice.disable_parallel_tool_use",
};

/**
 * Umbel keeps no conversation between requests. Anthropic's client, told so in these words, sends the whole conversation instead, as its
 * tool runner does by itself.
 */
const NO_THREADS = { error_code: "thread_unsupported_request", unsupported: ["thread"] };

/** The body of a plain HTTP error: Anthropic's envelope, with our own code and the parameter at fault added. */
export function renderAnthropicError(error: ApiError, requestId: string): ErrorBody {
  const details = error.param === "thread" ? { details: NO_THREADS } : {};
  return { type: "error", error: { ...wireError(error), ...details }, request_id: requestId };
}

export function wireError(error: ApiError): ErrorBody["error"] {
  const type = TYPES[error.status] ?? (error.status >= 500 ? "api_error" : "invalid_request_error");
  const { message, param } = respelled(error, SPELLINGS);
  return { type, message, code: error.code, param };
}
