import { createAnswerCollector, cutOff } from "../canonical/answer.js";
import type { ChatEvent } from "../canonical/chat-event.js";
import { wireExtras } from "../canonical/extras.js";
import type { FinalRenderer, RenderContext } from "../dialect.js";
import type { AnswerBlock, MessageBody } from "./answer-schema.js";
import type { AnthropicOptions } from "./options.js";
import { parseToolInput } from "./tool-input.js";
import { emptyMessage, wireEnding, wireUsage } from "./wire.js";

/** Collects an answer into one `message` object (api.md §14.2): its thinking, its text, its calls. */
export function anthropicFinalRenderer(context: RenderContext<AnthropicOptions>): FinalRenderer {
  const collector = createAnswerCollector(context.id);
  let finish: Extract<ChatEvent, { type: "finish" }> | undefined;
  return {
    event(event) {
      if (event.type === "reasoning" && context.options.excludeThinking) return;
      if (event.type === "finish") finish ??= event;
      collector.add(event);
    },
    result(): MessageBody {
      if (finish === undefined) throw cutOff();
      const { text, reasoning, toolCalls, usage } = collector.answer();
      const content: AnswerBlock[] = [];
      if (reasoning !== "") content.push({ type: "thinking", thinking: reasoning, signature: "" });
      if (text !== "") content.push({ type: "text", text, citations: null });
      for (const { id, name, arguments: input } of toolCalls) {
        content.push({ type: "tool_use", id, name, input: parseToolInput(input), caller: { type: "direct" } });
      }
      if (content.length === 0) content.push({ type: "text", text: "", citations: null });
      return {
        ...emptyMessage(context, wireUsage(usage)),
        content,
        ...wireEnding(finish, toolCalls.length),
        ...wireExtras(context),
      };
    },
  };
}
