import { cutOff } from "../canonical/answer.js";
import type { ApiError } from "../canonical/api-error.js";
import type { ChatEvent } from "../canonical/chat-event.js";
import { wireExtras } from "../canonical/extras.js";
import type { RenderContext, StreamRenderer } from "../dialect.js";
import { DONE, sse } from "./sse.js";
import { wireError, wireUsage } from "./wire.js";

export type EventOf<Type extends ChatEvent["type"]> = Extract<ChatEvent, { type: Type }>;

/** The chunks of one of the answers. */
export interface ChoiceRenderer {
  /** Of an event that belongs to this answer; empty where it shows nothing. */
  content(event: ChatEvent): string;
  /** @param closing stands on the chunk beside the choices */
  finish(event: EventOf<"finish">, closing: object): string;
}

/**
 * A stream of OpenAI's older dialects. `finish` is held until `end`, because the receipt arrives after the last event and belongs on the last
 * chunk, and because a failure in between must not follow a finished answer.
 *
 * @param base what every chunk begins with
 */
export function chunkStream(
  context: RenderContext<{ readonly includeUsage: boolean }>,
  base: object,
  choices: readonly ChoiceRenderer[],
): StreamRenderer {
  const { includeUsage } = context.options;
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
    const onLast = includeUsage ? {} : closing;
    const finishes = choices.map((choice, index) => choice.finish(event, index === choices.length - 1 ? onLast : {})).join("");
    return includeUsage ? finishes + sse({ ...base, choices: [], ...closing }) : finishes;
  };

  return {
    event(event) {
      if (ended || finish !== undefined) return "";
      if (event.type === "finish") finish = event;
      if (event.type !== "text" && event.type !== "reasoning" && event.type !== "tool_call") return "";
      return choices[event.choice ?? 0]?.content(event) ?? "";
    },
    keepAlive: () => ": keepalive\n\n",
    error: (error) => terminate(() => failure(error)),
    end: () => terminate(() => (finish === undefined ? failure(cutOff()) : lastChunks(finish))),
  };
}
