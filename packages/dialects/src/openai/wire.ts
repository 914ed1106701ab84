import { z } from "zod";
import type { ApiError } from "../canonical/api-error.js";
import type { ChatUsage } from "../canonical/chat-event.js";
import { respelled } from "../canonical/respell.js";

const tokens = z.int().nonnegative();

export const usageObject = z.object({
  prompt_tokens: tokens,
  completion_tokens: tokens.describe("Of all answers together, reasoning included."),
  total_tokens: tokens,
  prompt_tokens_details: z.object({ cached_tokens: tokens.describe("Prompt tokens that were taken from a cache.") }),
  completion_tokens_details: z.object({ reasoning_tokens: tokens }),
});

export function wireUsage(usage: ChatUsage): z.infer<typeof usageObject> {
  return {
    prompt_tokens: usage.promptTokens,
    completion_tokens: usage.completionTokens,
    total_tokens: usage.promptTokens + usage.completionTokens,
    prompt_tokens_details: { cached_tokens: usage.cachedPromptTokens },
    completion_tokens_details: { reasoning_tokens: usage.reasoningTokens },
  };
}

const errorObject = z.object({
  message: z.string(),
  type: z.string(),
  code: z.string(),
  param: z.string().nullable().describe("Path of the parameter at fault."),
});

/** An error in a stream that has begun. */
export const inBandError = z.object({ error: errorObject });

/** The body of a plain HTTP error (api.md §6.1). */
export const errorBody = z.object({ error: errorObject.extend({ request_id: z.string() }) });

/** @param spellings of parameters where a surface has other names than chat completions */
export function wireError(error: ApiError, spellings: Readonly<Record<string, string>> = {}): z.infer<typeof errorObject> {
  const { message, param } = respelled(error, spellings);
  return { message, type: error.type, code: error.code, param };
}

/** The body of a plain HTTP error in OpenAI's envelope, with the request's id added (api.md §6.1). */
export function renderOpenAiError(error: ApiError, requestId: string): z.infer<typeof errorBody> {
  return { error: { ...wireError(error), request_id: requestId } };
}
