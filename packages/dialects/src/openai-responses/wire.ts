import type { ApiError } from "../canonical/api-error.js";
import type { ChatEvent, ChatUsage } from "../canonical/chat-event.js";
import { wireExtras } from "../canonical/extras.js";
import type { RenderContext } from "../dialect.js";
import type { OutputItem, ResponseBody, ResponseUsage } from "./answer-schema.js";
import { responsesError } from "./errors.js";
import type { OpenAiResponsesOptions } from "./options.js";

type Context = RenderContext<OpenAiResponsesOptions>;
type Finish = Extract<ChatEvent, { type: "finish" }>;

/** Responses and their items are named after the job, without its dashes (api.md §12.2). */
export function answerIdOf({ id }: Context): string {
  return id.replaceAll("-", "");
}

/** A response before its first item. */
export function begunResponse(context: Context): ResponseBody {
  return {
    id: `resp_${answerIdOf(context)}`,
    object: "response",
    created_at: context.created_s,
    status: "in_progress",
    error: null,
    incomplete_details: null,
    model: context.model,
    output: [],
    ...context.options.settings,
    background: false,
    previous_response_id: null,
    service_tier: "default",
    store: context.isKept === true,
    truncation: "disabled",
    usage: null,
  };
}

/** OpenAI knows no cancelled answer that has an end; what is left of one reads as completed. */
export function endingStatus({ reason }: Finish): "completed" | "incomplete" {
  return reason === "length" ? "incomplete" : "completed";
}

export function finishedResponse(context: Context, output: OutputItem[], finish: Finish): ResponseBody {
  const status = endingStatus(finish);
  return {
    ...begunResponse(context),
    status,
    incomplete_details: status === "incomplete" ? { reason: "max_output_tokens" } : null,
    output,
    usage: wireUsage(finish.usage),
    ...wireExtras(context),
  };
}

export function failedResponse(context: Context, output: OutputItem[], error: ApiError): ResponseBody {
  const { code, status } = error;
  const wireCode = code === "rate_limit_exceeded" ? code : status === 400 ? "invalid_prompt" : "server_error";
  return { ...begunResponse(context), status: "failed", error: { code: wireCode, message: responsesError(error).message }, output };
}

function wireUsage(usage: ChatUsage): ResponseUsage {
  return {
    input_tokens: usage.promptTokens,
    input_tokens_details: { cached_tokens: usage.cachedPromptTokens, cache_write_tokens: 0 },
    output_tokens: usage.completionTokens,
    output_tokens_details: { reasoning_tokens: usage.reasoningTokens },
    total_tokens: usage.promptTokens + usage.completionTokens,
  };
}
