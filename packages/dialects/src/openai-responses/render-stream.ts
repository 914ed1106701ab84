import { cutOff } from "../canonical/answer.js";
import type { ApiError } from "../canonical/api-error.js";
import type { ChatEvent } from "../canonical/chat-event.js";
import type { RenderContext, StreamRenderer } from "../dialect.js";
import type { StreamEvent } from "./answer-schema.js";
import { responsesError } from "./errors.js";
import type { OpenAiResponsesOptions } from "./options.js";
import { createOutputSequence } from "./output-sequence.js";
import { answerIdOf, begunResponse, endingStatus, failedResponse, finishedResponse } from "./wire.js";

/**
 * Renders an answer as the events of a response (api.md §12.3). The response is created with the first content. `finish` is held until
 * `end`, because the receipt arrives after the last event and belongs on the finished response.
 */
export function responsesStreamRenderer(context: RenderContext<OpenAiResponsesOptions>): StreamRenderer {
  const output = createOutputSequence(answerIdOf(context), context.options);
  let finish: Extract<ChatEvent, { type: "finish" }> | undefined;
  const fragment = createFragmentWriter();
  let sequence_number = 0;
  let ended = false;

  const sse = (event: StreamEvent): string => {
    const number = `,"sequence_number":${sequence_number++}}\n\n`;
    return ("delta" in event ? fragment(event) : lines(event)) + number;
  };

  const content = (events: readonly StreamEvent[]): string => {
    if (events.length === 0) return "";
    const opening = sequence_number > 0 ? [] : created();
    return [...opening, ...events].map(sse).join("");
  };

  const created = (): StreamEvent[] => {
    const response = begunResponse(context);
    return [
      { type: "response.created", response },
      { type: "response.in_progress", response },
    ];
  };

  const terminate = (lastEvents: () => readonly StreamEvent[]): string => {
    if (ended) return "";
    ended = true;
    return content(lastEvents());
  };

  const failure = (error: ApiError): StreamEvent[] => {
    const wire = responsesError(error);
    const { code, message, param } = wire;
    return [
      ...output.breakOff(),
      { type: "response.failed", response: failedResponse(context, output.items(), error) },
      { type: "error", code, message, param, error: wire },
    ];
  };

  const ending = (last: Extract<ChatEvent, { type: "finish" }>): StreamEvent[] => {
    const status = endingStatus(last);
    const closing = output.finish(status);
    return [...closing, { type: `response.${status}`, response: finishedResponse(context, output.items(), last) }];
  };

  return {
    event(event) {
      if (ended || finish !== undefined) return "";
      if (event.type === "finish") finish = event;
      return content(output.add(event));
    },
    keepAlive: () => (ended ? "" : ": keepalive\n\n"),
    error: (error) => terminate(() => failure(error)),
    end: () => terminate(() => (finish === undefined ? failure(cutOff()) : ending(finish))),
  };
}

/** An event up to the end of its fields, where its number belongs. */
function lines(event: StreamEvent): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event).slice(0, -1)}`;
}

/** Fields before it are of our own making and do not hold it. */
const DELTA = '"delta":';

type FragmentEvent = Extract<StreamEvent, { delta: string }>;

/** What is equal in all fragments of an item is put into text once, so that a token costs one `JSON.stringify` of its text. */
function createFragmentWriter(): (event: FragmentEvent) => string {
  const heads = new Map<string, string>();
  return (event) => {
    const { item_id, delta } = event;
    const head = heads.get(item_id) ?? lines(event).split(DELTA, 1).join();
    heads.set(item_id, head);
    const logprobs = "logprobs" in event ? `,"logprobs":${event.logprobs.length === 0 ? "[]" : JSON.stringify(event.logprobs)}` : "";
    return head + DELTA + JSON.stringify(delta) + logprobs;
  };
}
