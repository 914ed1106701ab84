import { ApiError } from "./api-error.js";
import type { ChatEvent, ChatUsage, FinishReason, TokenLogprob } from "./chat-event.js";
import type { ToolCall } from "./chat-request.js";

/** One whole answer, put together from its events. */
interface Answer {
  readonly text: string;
  readonly reasoning: string;
  /** In order of their indices, which may have gaps. */
  readonly toolCalls: readonly ToolCall[];
  /** Undefined when no token came with log-probabilities. */
  readonly logprobs: readonly TokenLogprob[] | undefined;
  readonly finish: FinishReason;
  readonly usage: ChatUsage;
}

/** Puts an answer together event by event. What comes after `finish` is not part of it. */
interface AnswerCollector {
  add(event: ChatEvent): void;
  /** @throws ApiError 502 `provider_error` when no `finish` has come: such an answer is cut off. */
  answer(): Answer;
}

/** @param answerId names calls that came without an id of their own. */
export function createAnswerCollector(answerId: string): AnswerCollector {
  let text = "";
  let reasoning = "";
  let logprobs: TokenLogprob[] | undefined;
  let finish: Extract<ChatEvent, { type: "finish" }> | undefined;
  const calls = new Map<number, ToolCall>();

  const addToolCall = (event: Extract<ChatEvent, { type: "tool_call" }>) => {
    const call = calls.get(event.index);
    if (call === undefined) calls.set(event.index, firstOfCall(event, answerId));
    else call.arguments += event.arguments;
  };

  return {
    add(event) {
      if (finish !== undefined) return;
      switch (event.type) {
        case "text":
          text += event.text;
          if (event.logprobs !== undefined) {
            logprobs ??= [];
            logprobs.push(...event.logprobs);
          }
          break;
        case "reasoning":
          reasoning += event.text;
          break;
        case "tool_call":
          addToolCall(event);
          break;
        case "finish":
          finish = event;
          break;
        case "started":
        case "embedding":
          break;
      }
    },
    answer() {
      if (finish === undefined) throw cutOff();
      const toolCalls = [...calls].sort(([a], [b]) => a - b).map(([, call]) => call);
      return { text, reasoning, toolCalls, logprobs, finish: finishOf(finish.reason, calls.size), usage: finish.usage };
    },
  };
}

/** The call that the first event of an index opens; a provider that named none gets a name made from the answer's. */
export function firstOfCall(event: Extract<ChatEvent, { type: "tool_call" }>, answerId: string): ToolCall {
  return { id: event.id ?? `call_${answerId}_${event.index}`, name: event.name ?? "", arguments: event.arguments };
}

/** A natural stop after tool calls is the calls' (api.md §16.2); every other reason stands. */
export function finishOf(reason: FinishReason, toolCalls: number): FinishReason {
  return reason === "stop" && toolCalls > 0 ? "tool_calls" : reason;
}

/** The answer of a provider that ended without saying so. */
export function cutOff(): ApiError {
  return new ApiError({ status: 502, code: "provider_error", message: "provider ended without completion" });
}
