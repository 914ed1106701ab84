import { cutOff, endingOf } from "../canonical/answer.js";
import type { ApiError } from "../canonical/api-error.js";
import type { ChatEvent } from "../canonical/chat-event.js";
import { wireExtras } from "../canonical/extras.js";
import type { RenderContext, StreamRenderer } from "../dialect.js";
import { DONE, sse } from "../openai/sse.js";
import { wireError, wireUsage } from "../openai/wire.js";
import type { CompletionOptions } from "./options.js";
import { characters, wireBase, wireFinishReason, wireLogprobs } from "./wire.js";

type EventOf<Type extends ChatEvent["type"]> = Extract<ChatEvent, { type: Type }>;

/** Renders an answer as chunks of a `text_completion` (api.md §13). `finish` is held until `end`, where the receipt is known. */
export function completionStreamRenderer(context: RenderContext<CompletionOptions>): StreamRenderer {
  const { options } = context;
  const base = wireBase(context);
  const choices = Array.from({ length: options.choices }, (_, index) => createChoiceRenderer(index, base, options));
  let finish: EventOf<"finish"> | undefined;
  let ended = false;

  const terminate = (lastEvents: () => string): string => {
    if (ended) return "";
    ended = true;
    return lastEvents() + DONE;
  };

  const failure = (error: ApiError): string => sse({ error: wireError(error) });

  const lastChunks = (event: EventOf<"finish">): string => {
    const closing = { usage: wireUsage(event.usage), ...wireExtras(context) };
    const onLast = options.includeUsage ? {} : closing;
    const finishes = choices.map((choice, index) => choice.finish(event, index === choices.length - 1 ? onLast : {})).join("");
    return options.includeUsage ? finishes + sse({ ...base, choices: [], ...closing }) : finishes;
  };

  return {
    event(event) {
      if (ended || finish !== undefined) return "";
      if (event.type === "finish") finish = event;
      return event.type === "text" ? (choices[event.choice ?? 0]?.text(event) ?? "") : "";
    },
    keepAlive: () => ": keepalive\n\n",
    error: (error) => terminate(() => failure(error)),
    end: () => terminate(() => (finish === undefined ? failure(cutOff()) : lastChunks(finish))),
  };
}

/** The chunks of one of the answers; the first has the prompt in it when it is to be repeated. */
function createChoiceRenderer(index: number, base: object, { echo }: CompletionOptions) {
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
    text(event: EventOf<"text">): string {
      if (event.logprobs === undefined) return event.text === "" ? "" : before + JSON.stringify(opened(event.text)) + after;
      const logprobs = JSON.stringify(wireLogprobs(event.logprobs, offset));
      for (const { token } of event.logprobs) offset += characters(token);
      return `${before}${JSON.stringify(opened(event.text))},"logprobs":${logprobs},"finish_reason":null}]}\n\n`;
    },
    finish(event: EventOf<"finish">, closing: object): string {
      const finish_reason = wireFinishReason(endingOf(event, index).reason);
      return sse({ ...base, choices: [{ index, text: opened(""), logprobs: null, finish_reason }], ...closing });
    },
  };
}
