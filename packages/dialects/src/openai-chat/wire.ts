import type { FinishReason, TokenLogprob } from "../canonical/chat-event.js";
import type { RenderContext } from "../dialect.js";
import type { WireFinishReason, WireLogprobs } from "./answer-schema.js";
import type { OpenAiChatOptions } from "./options.js";

/** The id of an answer as OpenAI spells it. */
export function completionId(context: RenderContext<OpenAiChatOptions>): string {
  return `chatcmpl-${context.id}`;
}

export function wireLogprobs(logprobs: readonly TokenLogprob[] | undefined): WireLogprobs {
  if (logprobs === undefined) return null;
  return { content: logprobs.map(({ top, ...token }) => ({ ...token, top_logprobs: top })), refusal: null };
}

/** OpenAI knows no cancelled answer; what is left of one reads as ended. */
export function wireFinishReason(reason: FinishReason, options: OpenAiChatOptions): WireFinishReason {
  if (reason === "cancelled") return "stop";
  return reason === "tool_calls" && options.legacyFunctionCall ? "function_call" : reason;
}
