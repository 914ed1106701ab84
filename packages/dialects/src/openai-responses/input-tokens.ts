import { z } from "zod";
import type { ChatRequest } from "../canonical/chat-request.js";
import { errorBody } from "../openai/wire.js";
import { parameterError, requireObject } from "../request-body.js";
import { parseResponses } from "./parse.js";
import { responsesBody } from "./schema.js";

const inputTokensBody = responsesBody.pick({
  model: true,
  input: true,
  instructions: true,
  tools: true,
  tool_choice: true,
  parallel_tool_calls: true,
  text: true,
  reasoning: true,
  chat_template_kwargs: true,
  truncation: true,
});

const inputTokens = z.object({
  object: z.literal("response.input_tokens"),
  input_tokens: z.int().nonnegative().describe("An estimate: no tokenizer is asked."),
});

/**
 * `POST /v1/responses/input_tokens`: the body of a response, of which only what makes up the prompt is looked at. `parse` throws ApiError
 * 400 as that of `openaiResponses` does; errors are rendered by the latter's `renderError`.
 */
export const openaiInputTokens = {
  schemas: { request: inputTokensBody, answer: inputTokens, error: errorBody },
  parse(json: unknown): ChatRequest {
    if (requireObject(json)["personality"] != null) throw parameterError(["personality"], " is not supported", "unsupported_parameter");
    return parseResponses(json).request;
  },
  /** @param promptTokens what `estimatePromptTokens` says of the parsed request, in tokens */
  render: (promptTokens: number): unknown => ({ object: "response.input_tokens", input_tokens: promptTokens }),
} as const;
