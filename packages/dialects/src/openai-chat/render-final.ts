import { type Answer, createAnswerCollector } from "../canonical/answer.js";
import type { ToolCall } from "../canonical/chat-request.js";
import { wireExtras } from "../canonical/extras.js";
import type { FinalRenderer, RenderContext } from "../dialect.js";
import { wireUsage } from "../openai/wire.js";
import type { CompletionBody, WireAnswer } from "./answer-schema.js";
import { createVisibility, type OpenAiChatOptions } from "./options.js";
import { completionId, wireFinishReason, wireLogprobs } from "./wire.js";

/** Collects an answer into one `chat.completion` object (api.md §11.4, §16.2). */
export function openAiFinalRenderer(context: RenderContext<OpenAiChatOptions>): FinalRenderer {
  const collector = createAnswerCollector(context.id, context.options.choices);
  const visible = createVisibility(context.options);
  return {
    event(event) {
      if (visible(event)) collector.add(event);
    },
    result(): CompletionBody {
      const { answers, usage } = collector.answers();
      return {
        id: completionId(context),
        object: "chat.completion",
        created: context.created_s,
        model: context.model,
        choices: answers.map((answer, index) => wireAnswer(answer, index, context.options)),
        usage: wireUsage(usage),
        ...wireExtras(context),
      };
    },
  };
}

function wireAnswer(answer: Answer, index: number, options: OpenAiChatOptions): WireAnswer {
  const { text, reasoning, toolCalls } = answer;
  return {
    index,
    message: {
      role: "assistant",
      content: text === "" && toolCalls.length > 0 ? null : text,
      refusal: null,
      ...(reasoning === "" ? {} : { reasoning, reasoning_content: reasoning }),
      ...wireCalls(toolCalls, options),
    },
    logprobs: wireLogprobs(answer.logprobs),
    finish_reason: wireFinishReason(answer.finish, options),
  };
}

function wireCalls(toolCalls: readonly ToolCall[], options: OpenAiChatOptions): Partial<WireAnswer["message"]> {
  const [first] = toolCalls;
  if (first === undefined) return {};
  if (options.legacyFunctionCall) return { function_call: { name: first.name, arguments: first.arguments } };
  return { tool_calls: toolCalls.map(({ id, ...call }) => ({ id, type: "function", function: call })) };
}
