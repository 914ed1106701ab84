import { finishOf } from "../canonical/answer.js";
import type { ChatEvent, ChatUsage } from "../canonical/chat-event.js";
import type { RenderContext } from "../dialect.js";
import type { DeltaUsage, MessageBody, StopReason } from "./answer-schema.js";
import type { AnthropicOptions } from "./options.js";

type Finish = Extract<ChatEvent, { type: "finish" }>;
type Ending = { readonly stop_reason: StopReason; readonly stop_sequence: string | null };

/** The answer before its first word. */
export function emptyMessage(context: RenderContext<AnthropicOptions>, usage: DeltaUsage): MessageBody {
  return {
    id: `msg_${context.id}`,
    type: "message",
    role: "assistant",
    model: context.model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    stop_details: null,
    container: null,
    diagnostics: null,
    usage: { ...usage, cache_creation: null, inference_geo: null, service_tier: "standard", speed: null },
  };
}

/**
 * Anthropic's `input_tokens` leaves out what was read from a cache; the whole prompt is the sum of the three input counts. Nothing is ever
 * paid for being put into a cache, so creation counts nothing.
 */
export function wireUsage(usage: ChatUsage): DeltaUsage {
  const cached_tokens = Math.min(usage.cachedPromptTokens, usage.promptTokens);
  return {
    input_tokens: usage.promptTokens - cached_tokens,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cached_tokens,
    output_tokens: usage.completionTokens,
    output_tokens_details: { thinking_tokens: usage.reasoningTokens },
    server_tool_use: null,
  };
}

/** Anthropic knows no cancelled answer; what is left of one reads as ended. */
export function wireEnding({ reason, stop }: Finish, toolCalls: number): Ending {
  if (reason === "stop" && stop !== undefined) return { stop_reason: "stop_sequence", stop_sequence: stop };
  const reasons = { stop: "end_turn", length: "max_tokens", tool_calls: "tool_use", cancelled: "end_turn" } as const;
  return { stop_reason: reasons[finishOf(reason, toolCalls)], stop_sequence: null };
}
