import { z } from "zod";
import { errorBody } from "./answer-schema.js";
import { parseCountTokens } from "./parse.js";
import { countTokensBody } from "./schema.js";

const tokenCount = z.object({ input_tokens: z.int().nonnegative().describe("An estimate: no tokenizer is asked.") });

/**
 * `POST /v1/messages/count_tokens`: the body of a message, of which only what makes up the prompt is looked at (api.md §14.5). `parse`
 * throws ApiError 400 as that of `anthropicMessages` does; errors are rendered by the latter's `renderError`.
 */
export const anthropicCountTokens = {
  schemas: { request: countTokensBody, answer: tokenCount, error: errorBody },
  parse: parseCountTokens,
  /** @param promptTokens what `estimatePromptTokens` says of the parsed request, in tokens */
  render: (promptTokens: number): unknown => ({ input_tokens: promptTokens }),
} as const;
