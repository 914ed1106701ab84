import { cutOff } from "../canonical/answer.js";
import type { ChatEvent } from "../canonical/chat-event.js";
import type { FinalRenderer, RenderContext } from "../dialect.js";
import type { ResponseBody } from "./answer-schema.js";
import type { OpenAiResponsesOptions } from "./options.js";
import { createOutputSequence } from "./output-sequence.js";
import { answerIdOf, endingStatus, finishedResponse } from "./wire.js";

/** Collects an answer into one `response` object, the same that a stream of it ends with. */
export function responsesFinalRenderer(context: RenderContext<OpenAiResponsesOptions>): FinalRenderer {
  const output = createOutputSequence(answerIdOf(context), context.options);
  let finish: Extract<ChatEvent, { type: "finish" }> | undefined;
  return {
    event(event) {
      if (finish !== undefined) return;
      if (event.type === "finish") finish = event;
      else output.add(event);
    },
    result(): ResponseBody {
      if (finish === undefined) throw cutOff();
      output.finish(endingStatus(finish));
      return finishedResponse(context, output.items(), finish);
    },
  };
}
