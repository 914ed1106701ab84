import { endingOf } from "../canonical/answer.js";
import type { RenderContext, StreamRenderer } from "../dialect.js";
import { type ChoiceRenderer, chunkStream } from "../openai/chunk-stream.js";
import { sse } from "../openai/sse.js";
import type { CompletionOptions } from "./options.js";
import { characters, wireBase, wireFinishReason, wireLogprobs } from "./wire.js";

/** Renders an answer as chunks of a `text_completion` (api.md §13). */
export function completionStreamRenderer(context: RenderContext<CompletionOptions>): StreamRenderer {
  const { options } = context;
  const base = wireBase(context);
  const choices = Array.from({ length: options.choices }, (_, index) => createChoiceRenderer(index, base, options));
  return chunkStream(context, base, choices);
}

/** The chunks of one of the answers; the first has the prompt in it when it is to be repeated. */
function createChoiceRenderer(index: number, base: object, { echo }: CompletionOptions): ChoiceRenderer {
  const before = `data: ${JSON.stringify(base).slice(0, -1)},"choices":[{"index":${index},"text":`;
  const after = ',"logprobs":null,"finish_reason":null}]}\n\n';
  let opening = echo;
  let offset = 0;

  const opened = (text: string): string => {
    const whole = opening + text;
    opening = "";
    return whole;
  };

  return {
    content(event) {
      if (event.type !== "text") return "";
      if (event.logprobs === undefined) return event.text === "" ? "" : before + JSON.stringify(opened(event.text)) + after;
      const logprobs = JSON.stringify(wireLogprobs(event.logprobs, offset));
      for (const { token } of event.logprobs) offset += characters(token);
      return `${before}${JSON.stringify(opened(event.text))},"logprobs":${logprobs},"finish_reason":null}]}\n\n`;
    },
    finish(event, closing) {
      const finish_reason = wireFinishReason(endingOf(event, index).reason);
      return sse({ ...base, choices: [{ index, text: opened(""), logprobs: null, finish_reason }], ...closing });
    },
  };
}
