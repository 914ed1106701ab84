import type { ReasoningParser } from "@umbel/protocol";
import { createReasoningStage } from "./reasoning-stage.js";
import type { Segment } from "./segment.js";
import { createStopMatcher } from "./stop-matcher.js";
import { createToolCallStage, type ToolCallStage } from "./tool-call-stage.js";

export interface AnswerParserOptions {
  /** A conversation's answer may reason and call tools; a text that goes on is nothing but text. */
  readonly kind: "answer" | "text";
  /** The prompt has opened a reasoning block already. */
  readonly opensReasoning: boolean;
  /** How thinking is told from the answer. */
  readonly reasoning: ReasoningParser;
  /** Whether the answer may hold tool calls. */
  readonly tools: "parse" | "ignore";
  /** Looked for in visible text only. */
  readonly stop: readonly string[];
  /** A fresh id for a tool call. */
  readonly newCallId: () => string;
}

/** Takes an answer apart while its text arrives. */
export interface AnswerParser {
  /** The text just pushed belonged to the reasoning, if to any part. */
  readonly inReasoning: boolean;
  /** Tool calls of which a part has come out. */
  readonly toolCalls: number;
  /** Tool calls that are over. */
  readonly finishedCalls: number;
  /** A stop string was found: the answer is over. */
  readonly stopped: boolean;
  /** The stop string that was found. */
  readonly stop: string | undefined;
  push(text: string): Segment[];
  /** What was held back, once the answer is over. */
  end(): Segment[];
}

export function createAnswerParser(options: AnswerParserOptions): AnswerParser {
  const reasoning =
    options.kind === "text" || options.reasoning === "none" ? PLAIN : createReasoningStage(options.opensReasoning ? "inside" : "outside");
  const calls: ToolCallStage | undefined =
    options.kind === "answer" && options.tools === "parse" ? createToolCallStage(options.newCallId) : undefined;
  const stops = options.stop.length > 0 ? createStopMatcher(options.stop) : undefined;
  let toolCalls = 0;

  function afterReasoning(segments: Segment[]): Segment[] {
    if (calls === undefined) return segments;
    return segments.flatMap((segment) => (segment.type === "text" ? calls.push(segment.text) : [segment]));
  }

  /** Cuts the segments off where a stop string begins, and counts the calls that are left. */
  function deliver(segments: Segment[]): Segment[] {
    const delivered = beforeStop(segments);
    for (const segment of delivered) if (segment.type === "tool_call") toolCalls = segment.index + 1;
    return delivered;
  }

  function beforeStop(segments: Segment[]): Segment[] {
    if (stops === undefined) return segments;
    return segments.flatMap((segment) => {
      if (stops.matched) return [];
      if (segment.type === "text") return textOf(stops.push(segment.text));
      return segment.type === "tool_call" ? [...textOf(stops.flush()), segment] : [segment];
    });
  }

  return {
    get inReasoning() {
      return reasoning.inside;
    },
    get toolCalls() {
      return toolCalls;
    },
    get finishedCalls() {
      return calls?.calls ?? 0;
    },
    get stopped() {
      return stops?.matched ?? false;
    },
    get stop() {
      return stops?.found;
    },
    push: (text) => deliver(afterReasoning(reasoning.push(text))),
    end() {
      const rest = [...afterReasoning(reasoning.end()), ...(calls?.end() ?? [])];
      const last = deliver(rest);
      return stops === undefined || stops.matched ? last : [...last, ...textOf(stops.flush())];
    },
  };
}

const PLAIN = { inside: false, push: textOf, end: (): Segment[] => [] };

function textOf(text: string): Segment[] {
  return text === "" ? [] : [{ type: "text", text }];
}
