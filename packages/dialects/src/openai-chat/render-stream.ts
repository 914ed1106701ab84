import { cutOff, endingOf, finishOf, firstOfCall } from "../canonical/answer.js";
import type { ApiError } from "../canonical/api-error.js";
import type { ChatEvent } from "../canonical/chat-event.js";
import { wireExtras } from "../canonical/extras.js";
import type { RenderContext, StreamRenderer } from "../dialect.js";
import { DONE, sse } from "../openai/sse.js";
import { wireError, wireUsage } from "../openai/wire.js";
import { createVisibility, type OpenAiChatOptions } from "./options.js";
import { completionId, wireFinishReason, wireLogprobs } from "./wire.js";

type EventOf<Type extends ChatEvent["type"]> = Extract<ChatEvent, { type: Type }>;

const CONTINUES = ',"logprobs":null,"finish_reason":null}]}\n\n';

/**
 * Renders an answer as `chat.completion.chunk` events (api.md §16.1). `finish` is held until `end`, because the receipt arrives after
 * the last event and belongs on the last chunk, and because a failure in between must not follow a finished answer.
 */
export function openAiStreamRenderer(context: RenderContext<OpenAiChatOptions>): StreamRenderer {
  const { options } = context;
  const base = { id: completionId(context), object: "chat.completion.chunk", created: context.created_s, model: context.model };
  const visible = createVisibility(options);
  const choices = Array.from({ length: options.choices }, (_, index) => createChoiceRenderer(index, base, context));
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
      if (ended || finish !== undefined || !visible(event)) return "";
      if (event.type === "finish") finish = event;
      if (event.type !== "text" && event.type !== "reasoning" && event.type !== "tool_call") return "";
      return choices[event.choice ?? 0]?.content(event) ?? "";
    },
    keepAlive: () => ": keepalive\n\n",
    error: (error) => terminate(() => failure(error)),
    end: () => terminate(() => (finish === undefined ? failure(cutOff()) : lastChunks(finish))),
  };
}

/**
 * The chunks of one of the answers. Everything that is equal in all of them is put into text once, so that a token costs one
 * `JSON.stringify` of its text.
 */
function createChoiceRenderer(index: number, base: object, context: RenderContext<OpenAiChatOptions>) {
  const delta = `data: ${json(base).slice(0, -1)},"choices":[{"index":${index},"delta":`;
  const textBefore = `${delta}{"content":`;
  const textAfter = `}${CONTINUES}`;
  const role = `${delta}{"role":"assistant","content":""}${CONTINUES}`;
  const calls = new Set<number>();
  let opened = false;

  const inOrder = (chunk: string): string => {
    if (opened) return chunk;
    opened = true;
    return role + chunk;
  };

  const text = (event: EventOf<"text">): string => {
    if (event.logprobs !== undefined) {
      const logprobs = json(wireLogprobs(event.logprobs));
      return inOrder(`${textBefore}${json(event.text)}},"logprobs":${logprobs},"finish_reason":null}]}\n\n`);
    }
    return event.text === "" ? "" : inOrder(textBefore + json(event.text) + textAfter);
  };

  const reasoning = (event: EventOf<"reasoning">): string => {
    if (event.text === "") return "";
    const quoted = json(event.text);
    return inOrder(`${delta}{"reasoning_content":${quoted},"reasoning":${quoted}}${CONTINUES}`);
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
    return inOrder(delta + json(wire) + CONTINUES);
  };

  return {
    content(event: EventOf<"text" | "reasoning" | "tool_call">): string {
      return event.type === "text" ? text(event) : event.type === "reasoning" ? reasoning(event) : toolCall(event);
    },
    finish(event: EventOf<"finish">, closing: object): string {
      const { reason } = endingOf(event, index);
      const finish_reason = wireFinishReason(finishOf(reason, calls.size), context.options);
      return inOrder(sse({ ...base, choices: [{ index, delta: {}, logprobs: null, finish_reason }], ...closing }));
    },
  };
}

function json(value: unknown): string {
  return JSON.stringify(value);
}
