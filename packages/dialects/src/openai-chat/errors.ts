import type { ApiError } from "../canonical/api-error.js";
import { wireError } from "./wire.js";

/** The body of a plain HTTP error in OpenAI's envelope, with the request's id added (api.md §6.1). */
export function renderOpenAiError(error: ApiError, requestId: string) {
  return { error: { ...wireError(error), request_id: requestId } };
}
