import { endingOf, finishOf, firstOfCall } from "../canonical/answer.js";
import type { RenderContext, StreamRenderer } from "../dialect.js";
import { type ChoiceRenderer, chunkStream, type EventOf } from "../openai/chunk-stream.js";
import { sse } from "../openai/sse.js";
import { createVisibility, type OpenAiChatOptions } from "./options.js";
import { completionId, wireFinishReason, wireLogprobs } from "./wire.js";

const CONTINUES = ',"logprobs":null,"finish_reason":null}]}\n\n';

/** Renders an answer as `chat.completion.chunk` events (api.md §16.1). */
export function openAiStreamRenderer(context: RenderContext<OpenAiChatOptions>): StreamRenderer {
  const { options } = context;
  const base = { id: completionId(context), object: "chat.completion.chunk", created: context.created_s, model: context.model };
  const visible = createVisibility(options);
  const choices = Array.from({ length: options.choices }, (_, index) => createChoiceRenderer(index, base, context));
  const stream = chunkStream(context, base, choices);
  return { ...stream, event: (event) => (visible(event) ? stream.event(event) : "") };
}

/**
 * The chunks of one of the answers. Everything that is equal in all of them is put into text once, so that a token costs one
 * `JSON.stringify` of its text.
 */
function createChoiceRenderer(index: number, base: object, context: RenderContext<OpenAiChatOptions>): ChoiceRenderer {
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
    content(event) {
      if (event.type === "text") return text(event);
      if (event.type === "reasoning") return reasoning(event);
      return event.type === "tool_call" ? toolCall(event) : "";
    },
    finish(event, closing) {
      const { reason } = endingOf(event, index);
      const finish_reason = wireFinishReason(finishOf(reason, calls.size), context.options);
      return inOrder(sse({ ...base, choices: [{ index, delta: {}, logprobs: null, finish_reason }], ...closing }));
    },
  };
}

function json(value: unknown): string {
  return JSON.stringify(value);
}
