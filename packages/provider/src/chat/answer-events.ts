import type { ChatEvent, FinishReason, TokenLogprob } from "@umbel/dialects";
import type { BatchEvent } from "../batch/index.js";
import { type AnswerParserOptions, createAnswerParser } from "./parse/answer-parser.js";
import type { Segment } from "./parse/segment.js";
import { shownTokens } from "./shown-tokens.js";

type TokenEvent = Extract<BatchEvent, { type: "token" }>;

export interface AnswerOptions extends AnswerParserOptions {
  /** Reasoning is computed, and counted, but not shown. */
  readonly hideReasoning: boolean;
  /** At most one tool call. */
  readonly singleCall: boolean;
  /** Which of several answers this is, from 0. */
  readonly choice: number;
}

/** How one answer ended, and what it took. */
export interface AnswerEnd {
  readonly reason: FinishReason;
  readonly stop?: string;
  readonly completionTokens: number;
  readonly reasoningTokens: number;
}

/**
 * Turns tokens into canonical events. Every token is counted in exactly one event, or, when it has shown nothing by the end, in the
 * usage of `finish` alone.
 */
export interface AnswerEvents {
  /** Something has come out that a consumer can see. */
  readonly visible: boolean;
  /** The answer is over although the model would go on: a stop string, or enough tool calls. */
  readonly complete: boolean;
  token(event: TokenEvent): ChatEvent[];
  /** What was held back. Call once, when the model is done. */
  rest(): ChatEvent[];
  /** @param engineReason how the model ended, or `stop` when `complete` */
  end(engineReason: "stop" | "length" | "cancelled"): AnswerEnd;
}

export function createAnswerEvents(options: AnswerOptions): AnswerEvents {
  const parser = createAnswerParser(options);
  const choice = options.choice === 0 ? {} : { choice: options.choice };
  // Holds a character back until all of its bytes are there; a broken one becomes U+FFFD.
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let completionTokens = 0;
  let reasoningTokens = 0;
  let uncountedTokens = 0;
  let logprobs: TokenLogprob[] = [];
  let visible = false;

  function toEvents(segments: readonly Segment[]): ChatEvent[] {
    const events: ChatEvent[] = [];
    for (const segment of segments) {
      const own = takeLogprobs(segment);
      if (segment.type === "reasoning" && options.hideReasoning) continue;
      if (segment.type === "tool_call" && options.singleCall && segment.index > 0) continue;
      const tokens = uncountedTokens;
      uncountedTokens = 0;
      if (own.length > 0 && segment.type === "text") events.push({ ...segment, tokens, logprobs: own, ...choice });
      else events.push({ ...segment, tokens, ...choice });
    }
    visible ||= events.length > 0;
    return events;
  }

  /** Log-probabilities are those of visible text: what belongs to anything else is dropped. */
  function takeLogprobs(segment: Segment): TokenLogprob[] {
    if (logprobs.length === 0) return logprobs;
    const { shown, waiting } = segment.type === "text" ? shownTokens(logprobs, segment.text) : { shown: [], waiting: [] };
    logprobs = waiting;
    return shown;
  }

  return {
    get visible() {
      return visible;
    },
    get complete() {
      return parser.stopped || (options.singleCall && parser.finishedCalls > 0);
    },
    token(event) {
      const wasReasoning = parser.inReasoning;
      completionTokens += 1;
      uncountedTokens += 1;
      if (event.logprob !== undefined) logprobs.push(toLogprob(event, event.logprob));
      const segments = parser.push(decoder.decode(event.bytes, { stream: true }));
      if (wasReasoning || parser.inReasoning) reasoningTokens += 1;
      return toEvents(segments);
    },
    rest: () => (parser.stopped ? [] : toEvents([...parser.push(decoder.decode()), ...parser.end()])),
    end: (engineReason) => ({
      reason: finishReason(engineReason),
      ...(parser.stop === undefined ? {} : { stop: parser.stop }),
      completionTokens,
      reasoningTokens,
    }),
  };

  function finishReason(engineReason: "stop" | "length" | "cancelled"): FinishReason {
    return engineReason === "stop" && parser.toolCalls > 0 && !parser.stopped ? "tool_calls" : engineReason;
  }
}

function toLogprob(event: TokenEvent, logprob: number): TokenLogprob {
  return {
    ...spelling(event.bytes),
    logprob,
    top: (event.top ?? []).map((other) => ({ ...spelling(other.bytes), logprob: other.logprob })),
  };
}

/** The bytes say what the text cannot when a token is part of a character. */
function spelling(bytes: Uint8Array): { token: string; bytes: number[] } {
  return { token: new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes), bytes: [...bytes] };
}
