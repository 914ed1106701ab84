import type { Dialect } from "../dialect.js";
import { errorBody } from "../openai/wire.js";
import { responseBody, streamEvent } from "./answer-schema.js";
import { renderResponsesError } from "./errors.js";
import type { OpenAiResponsesOptions } from "./options.js";
import { parseResponses } from "./parse.js";
import { responsesFinalRenderer } from "./render-final.js";
import { responsesStreamRenderer } from "./render-stream.js";
import { responsesBody } from "./schema.js";

export { type FollowedResponse, followResponse } from "./followed-response.js";
export { openaiInputTokens } from "./input-tokens.js";
export type { OpenAiResponsesOptions };

/** OpenAI responses: `POST /v1/responses`. Nothing is kept, so there is no earlier response to go on with. */
export const openaiResponses: Dialect<OpenAiResponsesOptions> = {
  id: "openai-responses",
  schemas: { request: responsesBody, answer: responseBody, event: streamEvent, error: errorBody },
  parse: parseResponses,
  streamRenderer: responsesStreamRenderer,
  finalRenderer: responsesFinalRenderer,
  renderError: renderResponsesError,
};
