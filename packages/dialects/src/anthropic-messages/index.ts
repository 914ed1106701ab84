import type { Dialect } from "../dialect.js";
import { errorBody, messageBody, streamEvent } from "./answer-schema.js";
import { renderAnthropicError } from "./errors.js";
import type { AnthropicOptions } from "./options.js";
import { parseMessages } from "./parse.js";
import { anthropicFinalRenderer } from "./render-final.js";
import { anthropicStreamRenderer } from "./render-stream.js";
import { messagesBody } from "./schema.js";

export { anthropicCountTokens } from "./count-tokens.js";
export type { AnthropicOptions };

/** Anthropic messages: `POST /v1/messages`. */
export const anthropicMessages: Dialect<AnthropicOptions> = {
  id: "anthropic-messages",
  schemas: { request: messagesBody, answer: messageBody, event: streamEvent, error: errorBody },
  parse: parseMessages,
  streamRenderer: anthropicStreamRenderer,
  finalRenderer: anthropicFinalRenderer,
  renderError: renderAnthropicError,
};
