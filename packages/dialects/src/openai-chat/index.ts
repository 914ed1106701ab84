import { z } from "zod";
import type { Dialect } from "../dialect.js";
import { renderOpenAiError } from "./errors.js";
import type { OpenAiChatOptions } from "./options.js";
import { parseOpenAiChat } from "./parse.js";
import { openAiFinalRenderer } from "./render-final.js";
import { openAiStreamRenderer } from "./render-stream.js";
import { openAiChatBody } from "./schema.js";

export { OPENAI_CHAT_LIMITS } from "./schema.js";
export { type SignedAnswer, signedAnswer } from "./signed-answer.js";
export type { OpenAiChatOptions };

/** OpenAI chat completions: `POST /v1/chat/completions`. */
export const openaiChat: Dialect<OpenAiChatOptions> = {
  id: "openai-chat",
  schemas: { request: openAiChatBody, answer: z.looseObject({}), event: z.looseObject({}), error: z.looseObject({}) },
  parse: parseOpenAiChat,
  streamRenderer: openAiStreamRenderer,
  finalRenderer: openAiFinalRenderer,
  renderError: renderOpenAiError,
};
