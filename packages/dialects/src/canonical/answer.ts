import { ApiError } from "./api-error.js";
import type { ChatEvent, ChatUsage, FinishReason, TokenLogprob } from "./chat-event.js";
import type { ToolCall } from "./chat-request.js";

/** One whole answer, put together from its events. */
export interface Answer {
  readonly text: string;
  readonly reasoning: string;
  /** In order of their indices, which may have gaps. */
  readonly toolCalls: readonly ToolCall[];
  /** Undefined when no token came with log-probabilities. */
  readonly logprobs: readonly TokenLogprob[] | undefined;
  readonly finish: FinishReason;
  /** The stop string that ended it. */
  readonly stop: string | undefined;
}

/** Puts answers together event by event. What comes after `finish`, and what belongs to an answer that was not asked for, is left out. */
interface AnswerCollector {
  add(event: ChatEvent): void;
  /**
   * As many answers as were asked for, and the usage of all together.
   *
   * @throws ApiError 502 `provider_error` when no `finish` has come: such an answer is cut off.
   */
  answers(): { readonly answers: readonly Answer[]; readonly usage: ChatUsage };
  /** The first answer. @throws ApiError as `answers`. */
  answer(): Answer & { readonly usage: ChatUsage };
}

interface Gathered {
  text: string;
  reasoning: string;
  logprobs: TokenLogprob[] | undefined;
  readonly calls: Map<number, ToolCall>;
}

/**
 * @param answerId names calls that came without an id of their own
 * @param choices how many answers were asked for
 */
export function createAnswerCollector(answerId: string, choices = 1): AnswerCollector {
  const gathered = Array.from({ length: choices }, nothing);
  let finish: FinishEvent | undefined;

  const finished = () => {
    if (finish === undefined) throw cutOff();
    return finish;
  };
  const answerAt = (index: number): Answer => wholeAnswer(gathered[index] ?? nothing(), endingOf(finished(), index));

  return {
    add(event) {
      if (finish !== undefined) return;
      if (event.type === "finish") finish = event;
      if (event.type !== "text" && event.type !== "reasoning" && event.type !== "tool_call") return;
      const answer = gathered[event.choice ?? 0];
      if (answer !== undefined) addContent(answer, event, answerId);
    },
    answers: () => ({ usage: finished().usage, answers: gathered.map((_, index) => answerAt(index)) }),
    answer: () => ({ ...answerAt(0), usage: finished().usage }),
  };
}

function nothing(): Gathered {
  return { text: "", reasoning: "", logprobs: undefined, calls: new Map() };
}

type FinishEvent = Extract<ChatEvent, { type: "finish" }>;
type Ending = Pick<FinishEvent, "reason" | "stop">;

/** How one of several answers ended; one that the provider says nothing of ended as the first. */
export function endingOf(finish: FinishEvent, choice: number): Ending {
  return finish.choices?.[choice] ?? finish;
}

function addContent(answer: Gathered, event: Extract<ChatEvent, { type: "text" | "reasoning" | "tool_call" }>, answerId: string): void {
  if (event.type === "reasoning") {
    answer.reasoning += event.text;
  } else if (event.type === "text") {
    answer.text += event.text;
    if (event.logprobs === undefined) return;
    answer.logprobs ??= [];
    answer.logprobs.push(...event.logprobs);
  } else {
    const call = answer.calls.get(event.index);
    if (call === undefined) answer.calls.set(event.index, firstOfCall(event, answerId));
    else call.arguments += event.arguments;
  }
}

function wholeAnswer({ text, reasoning, logprobs, calls }: Gathered, { reason, stop }: Ending): Answer {
  const toolCalls = [...calls].sort(([a], [b]) => a - b).map(([, call]) => call);
  return { text, reasoning, toolCalls, logprobs, finish: finishOf(reason, calls.size), stop };
}

/** The call that the first event of an index opens; a provider that named none gets a name made from the answer's. */
export function firstOfCall(event: Extract<ChatEvent, { type: "tool_call" }>, answerId: string): ToolCall {
  const place = event.choice === undefined || event.choice === 0 ? event.index : `${event.choice}_${event.index}`;
  return { id: event.id ?? `call_${answerId}_${place}`, name: event.name ?? "", arguments: event.arguments };
}

/** A natural stop after tool calls is the calls' (api.md §16.2); every other reason stands. */
export function finishOf(reason: FinishReason, toolCalls: number): FinishReason {
  return reason === "stop" && toolCalls > 0 ? "tool_calls" : reason;
}

/** The answer of a provider that ended without saying so. */
export function cutOff(): ApiError {
  return new ApiError({ status: 502, code: "provider_error", message: "provider ended without completion" });
}
