import type { ApiError } from "../canonical/api-error.js";
import type { ChatUsage, FinishReason, TokenLogprob } from "../canonical/chat-event.js";
import type { RenderContext } from "../dialect.js";
import type { OpenAiChatOptions } from "./options.js";

export const COMPLETION_ID_PREFIX = "chatcmpl-";

/** The id of an answer as OpenAI spells it. */
export function completionId(context: RenderContext<OpenAiChatOptions>): string {
  return COMPLETION_ID_PREFIX + context.id;
}

export function wireUsage(usage: ChatUsage) {
  return {
    prompt_tokens: usage.promptTokens,
    completion_tokens: usage.completionTokens,
    total_tokens: usage.promptTokens + usage.completionTokens,
    prompt_tokens_details: { cached_tokens: usage.cachedPromptTokens },
    completion_tokens_details: { reasoning_tokens: usage.reasoningTokens },
  };
}

export function wireLogprobs(logprobs: readonly TokenLogprob[] | undefined) {
  if (logprobs === undefined) return null;
  return { content: logprobs.map(({ top, ...token }) => ({ ...token, top_logprobs: top })), refusal: null };
}

/** OpenAI knows no cancelled answer; what is left of one reads as ended. */
export function wireFinishReason(reason: FinishReason, options: OpenAiChatOptions) {
  if (reason === "cancelled") return "stop";
  return reason === "tool_calls" && options.legacyFunctionCall ? "function_call" : reason;
}

/** What Umbel adds to an answer, under one key that no client of OpenAI's reads. */
export function wireExtras(context: RenderContext<OpenAiChatOptions>): { extras?: { receipt: string } } {
  const receipt = context.receipt?.();
  return receipt === undefined ? {} : { extras: { receipt } };
}

export function wireError(error: ApiError) {
  return { message: error.message, type: error.type, code: error.code, param: error.param ?? null };
}
