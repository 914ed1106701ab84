import type { ApiError } from "../canonical/api-error.js";
import { wireError } from "../openai/wire.js";

/** Parameters that admission and providers name as chat completions do. */
const SPELLINGS: Readonly<Record<string, string>> = {
  messages: "input",
  response_format: "text.format",
  max_completion_tokens: "max_output_tokens",
  max_tokens: "max_output_tokens",
  reasoning_effort: "reasoning.effort",
};

/** An error in this surface's words. What the caller named itself keeps its name: it is refused for being another surface's. */
export function responsesError(error: ApiError) {
  return wireError(error, error.code === "unsupported_parameter" ? {} : SPELLINGS);
}

/** The body of a plain HTTP error. */
export function renderResponsesError(error: ApiError, requestId: string) {
  return { error: { ...responsesError(error), request_id: requestId } };
}
