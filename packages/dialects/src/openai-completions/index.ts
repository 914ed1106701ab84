import type { Dialect } from "../dialect.js";
import { errorBody, renderOpenAiError } from "../openai/wire.js";
import type { CompletionOptions } from "./options.js";
import { parseCompletions } from "./parse.js";
import { completionFinalRenderer } from "./render-final.js";
import { completionStreamRenderer } from "./render-stream.js";
import { completionsBody, textCompletion, textCompletionChunk } from "./schema.js";

export type { CompletionOptions };

/** OpenAI text completions: `POST /v1/completions`. */
export const openaiCompletions: Dialect<CompletionOptions> = {
  id: "openai-completions",
  schemas: { request: completionsBody, answer: textCompletion, event: textCompletionChunk, error: errorBody },
  parse: parseCompletions,
  streamRenderer: completionStreamRenderer,
  finalRenderer: completionFinalRenderer,
  renderError: renderOpenAiError,
};
