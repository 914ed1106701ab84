import { createAnswerCollector } from "../canonical/answer.js";
import { wireExtras } from "../canonical/extras.js";
import type { FinalRenderer, RenderContext } from "../dialect.js";
import { wireUsage } from "../openai/wire.js";
import type { CompletionOptions } from "./options.js";
import type { TextCompletion } from "./schema.js";
import { wireBase, wireFinishReason, wireLogprobs } from "./wire.js";

/** Collects an answer into one `text_completion` object (api.md §13). */
export function completionFinalRenderer(context: RenderContext<CompletionOptions>): FinalRenderer {
  const { echo, choices } = context.options;
  const collector = createAnswerCollector(context.id, choices);
  return {
    event: (event) => collector.add(event),
    result(): TextCompletion {
      const { answers, usage } = collector.answers();
      return {
        ...wireBase(context),
        choices: answers.map(({ text, logprobs, finish }, index) => ({
          index,
          text: echo + text,
          logprobs: logprobs === undefined ? null : wireLogprobs(logprobs, 0),
          finish_reason: wireFinishReason(finish),
        })),
        usage: wireUsage(usage),
        ...wireExtras(context),
      };
    },
  };
}
