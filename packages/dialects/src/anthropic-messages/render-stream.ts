import { cutOff, firstOfCall } from "../canonical/answer.js";
import type { ApiError } from "../canonical/api-error.js";
import type { ChatEvent } from "../canonical/chat-event.js";
import { wireExtras } from "../canonical/extras.js";
import type { RenderContext, StreamRenderer } from "../dialect.js";
import type { StreamEvent } from "./answer-schema.js";
import { createBlockSequence } from "./block-sequence.js";
import { wireError } from "./errors.js";
import type { AnthropicOptions } from "./options.js";
import { emptyMessage, wireEnding, wireUsage } from "./wire.js";

type EventOf<Type extends ChatEvent["type"]> = Extract<ChatEvent, { type: Type }>;

const PING = sse({ type: "ping" });

/**
 * Renders an answer as Anthropic's events (api.md §14.3). `message_start` comes with the first content and tells what `started` said of the
 * prompt. `finish` is held until `end`, because the receipt arrives after the last event and belongs on `message_delta`.
 */
export function anthropicStreamRenderer(context: RenderContext<AnthropicOptions>): StreamRenderer {
  const blocks = createBlockSequence();
  const calls = new Set<number>();
  let started: EventOf<"started"> | undefined;
  let opened = false;
  let wrote = false;
  let finish: EventOf<"finish"> | undefined;
  let ended = false;

  const opening = (): string => {
    if (opened) return "";
    opened = true;
    const { promptTokens, cachedPromptTokens } = started ?? { promptTokens: 0, cachedPromptTokens: 0 };
    const usage = wireUsage({ promptTokens, cachedPromptTokens, completionTokens: 1, reasoningTokens: 0 });
    return sse({ type: "message_start", message: emptyMessage(context, usage) }) + PING;
  };

  const content = (events: readonly StreamEvent[]): string => {
    wrote ||= events.length > 0;
    return opening() + events.map(sse).join("");
  };

  const toolCall = (event: EventOf<"tool_call">): string => {
    if (calls.has(event.index)) return content(blocks.callFragment(event.index, event.arguments));
    calls.add(event.index);
    return content(blocks.openCall(event.index, firstOfCall(event, context.id)));
  };

  const lastEvents = (last: EventOf<"finish">): string => {
    const closing = content(wrote ? blocks.finish() : [...blocks.text(""), ...blocks.finish()]);
    return (
      closing +
      sse({
        type: "message_delta",
        delta: { ...wireEnding(last, calls.size), stop_details: null, container: null },
        usage: wireUsage(last.usage),
        ...wireExtras(context),
      }) +
      sse({ type: "message_stop" })
    );
  };

  const terminate = (last: () => string): string => {
    if (ended) return "";
    ended = true;
    return last();
  };

  const failure = (error: ApiError): string => blocks.finish().map(sse).join("") + sse({ type: "error", error: wireError(error) });

  return {
    event(event) {
      if (ended || finish !== undefined) return "";
      switch (event.type) {
        case "started":
          started ??= event;
          return "";
        case "text":
          return event.text === "" ? "" : content(blocks.text(event.text));
        case "reasoning":
          return event.text === "" || context.options.excludeThinking ? "" : content(blocks.thinking(event.text));
        case "tool_call":
          return toolCall(event);
        case "finish":
          finish = event;
          return "";
        case "embedding":
          return "";
      }
    },
    keepAlive: () => (ended ? "" : PING),
    error: (error) => terminate(() => failure(error)),
    end: () => terminate(() => (finish === undefined ? failure(cutOff()) : lastEvents(finish))),
  };
}

function sse(event: StreamEvent): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}
