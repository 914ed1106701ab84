import type { Dialect } from "../dialect.js";
import { errorBody, renderOpenAiError } from "../openai/wire.js";
import { chunkBody, completionBody } from "./answer-schema.js";
import type { OpenAiChatOptions } from "./options.js";
import { parseOpenAiChat } from "./parse.js";
import { openAiFinalRenderer } from "./render-final.js";
import { openAiStreamRenderer } from "./render-stream.js";
import { openAiChatBody } from "./schema.js";

export type { OpenAiChatOptions };

/** OpenAI chat completions: `POST /v1/chat/completions`. */
export const openaiChat: Dialect<OpenAiChatOptions> = {
  id: "openai-chat",
  schemas: { request: openAiChatBody, answer: completionBody, event: chunkBody, error: errorBody },
  parse: parseOpenAiChat,
  streamRenderer: openAiStreamRenderer,
  finalRenderer: openAiFinalRenderer,
  renderError: renderOpenAiError,
};
