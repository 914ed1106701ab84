import { cutOff, finishOf, firstOfCall } from "../canonical/answer.js";
import type { ApiError } from "../canonical/api-error.js";
import type { ChatEvent } from "../canonical/chat-event.js";
import type { RenderContext, StreamRenderer } from "../dialect.js";
import { createVisibility, type OpenAiChatOptions } from "./options.js";
import { completionId, wireError, wireExtras, wireFinishReason, wireLogprobs, wireUsage } from "./wire.js";

type EventOf<Type extends ChatEvent["type"]> = Extract<ChatEvent, { type: Type }>;

const DONE = "data: [DONE]\n\n";
const CONTINUES = ',"logprobs":null,"finish_reason":null}]}\n\n';

/**
 * Renders an answer as `chat.completion.chunk` events (api.md §16.1). `finish` is held until `end`, because the receipt arrives after
 * the last event and belongs on the last chunk, and because a failure in between must not follow a finished answer.
 *
 * Everything that is equal in all chunks of one answer is put into text once, so that a token costs one `JSON.stringify` of its text.
 */
export function openAiStreamRenderer(context: RenderContext<OpenAiChatOptions>): StreamRenderer {
  const base = { id: completionId(context), object: "chat.completion.chunk", created: context.created_s, model: context.model };
  const delta = `data: ${json(base).slice(0, -1)},"choices":[{"index":0,"delta":`;
  const textBefore = `${delta}{"content":`;
  const textAfter = `}${CONTINUES}`;
  const role = `${delta}{"role":"assistant","content":""}${CONTINUES}`;

  const visible = createVisibility(context.options);
  const calls = new Set<number>();
  let opened = false;
  let finish: EventOf<"finish"> | undefined;
  let ended = false;

  const content = (chunk: string): string => {
    if (opened) return chunk;
    opened = true;
    return role + chunk;
  };

  const text = (event: EventOf<"text">): string => {
    if (event.logprobs !== undefined) {
      const logprobs = json(wireLogprobs(event.logprobs));
      return content(`${textBefore}${json(event.text)}},"logprobs":${logprobs},"finish_reason":null}]}\n\n`);
    }
    return event.text === "" ? "" : content(textBefore + json(event.text) + textAfter);
  };

  const reasoning = (event: EventOf<"reasoning">): string => {
    if (event.text === "") return "";
    const quoted = json(event.text);
    return content(`${delta}{"reasoning_content":${quoted},"reasoning":${quoted}}${CONTINUES}`);
  };

  const toolCall = (event: EventOf<"tool_call">): string => {
    const first = !calls.has(event.index);
    calls.add(event.index);
    const call = first ? firstOfCall(event, context.id) : undefined;
    const fragment = call === undefined ? { arguments: event.arguments } : { name: call.name, arguments: call.arguments };
    const opening = call === undefined ? {} : { id: call.id, type: "function" };
    const wire = context.options.legacyFunctionCall
      ? { function_call: fragment }
      : { tool_calls: [{ index: event.index, ...opening, function: fragment }] };
    return content(delta + json(wire) + CONTINUES);
  };

  const terminate = (lastEvents: () => string): string => {
    if (ended) return "";
    ended = true;
    return lastEvents() + DONE;
  };

  const failure = (error: ApiError): string => sse({ error: wireError(error) });

  const lastChunks = ({ reason, usage }: EventOf<"finish">): string => {
    const finish_reason = wireFinishReason(finishOf(reason, calls.size), context.options);
    const choices = [{ index: 0, delta: {}, logprobs: null, finish_reason }];
    const closing = { usage: wireUsage(usage), ...wireExtras(context) };
    if (!context.options.includeUsage) return content(sse({ ...base, choices, ...closing }));
    return content(sse({ ...base, choices })) + sse({ ...base, choices: [], ...closing });
  };

  return {
    event(event) {
      if (ended || finish !== undefined || !visible(event)) return "";
      switch (event.type) {
        case "text":
          return text(event);
        case "reasoning":
          return reasoning(event);
        case "tool_call":
          return toolCall(event);
        case "finish":
          finish = event;
          return "";
        case "started":
        case "embedding":
          return "";
      }
    },
    keepAlive: () => ": keepalive\n\n",
    error: (error) => terminate(() => failure(error)),
    end: () => terminate(() => (finish === undefined ? failure(cutOff()) : lastChunks(finish))),
  };
}

function sse(value: unknown): string {
  return `data: ${json(value)}\n\n`;
}

function json(value: unknown): string {
  return JSON.stringify(value);
}
