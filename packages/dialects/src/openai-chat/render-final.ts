import { createAnswerCollector } from "../canonical/answer.js";
import type { ToolCall } from "../canonical/chat-request.js";
import type { FinalRenderer, RenderContext } from "../dialect.js";
import { createVisibility, type OpenAiChatOptions } from "./options.js";
import { completionId, wireExtras, wireFinishReason, wireLogprobs, wireUsage } from "./wire.js";

/** Collects an answer into one `chat.completion` object (api.md §11.4, §16.2). */
export function openAiFinalRenderer(context: RenderContext<OpenAiChatOptions>): FinalRenderer {
  const collector = createAnswerCollector(context.id);
  const visible = createVisibility(context.options);
  return {
    event(event) {
      if (visible(event)) collector.add(event);
    },
    result() {
      const answer = collector.answer();
      const { text, reasoning, toolCalls } = answer;
      return {
        id: completionId(context),
        object: "chat.completion",
        created: context.created_s,
        model: context.model,
        choices: [
          {
            index: 0,
            message: {
              role: "assistant",
              content: text === "" && toolCalls.length > 0 ? null : text,
              refusal: null,
              ...(reasoning === "" ? {} : { reasoning, reasoning_content: reasoning }),
              ...wireCalls(toolCalls, context.options),
            },
            logprobs: wireLogprobs(answer.logprobs),
            finish_reason: wireFinishReason(answer.finish, context.options),
          },
        ],
        usage: wireUsage(answer.usage),
        ...wireExtras(context),
      };
    },
  };
}

function wireCalls(toolCalls: readonly ToolCall[], options: OpenAiChatOptions) {
  const [first] = toolCalls;
  if (first === undefined) return {};
  if (options.legacyFunctionCall) return { function_call: { name: first.name, arguments: first.arguments } };
  return { tool_calls: toolCalls.map(({ id, ...call }) => ({ id, type: "function", function: call })) };
}
