import { heldTail, trailingSpace } from "./held-tail.js";
import type { Segment, Stage } from "./segment.js";

const opening = "<think>";
const closing = "</think>";

/**
 * Separates a leading `<think>…</think>` from the answer. Only a block at the very beginning counts: elsewhere the tag is text. White
 * space next to the tags belongs to neither part. An unclosed block is reasoning to its end.
 */
export interface ReasoningStage extends Stage {
  /** Whether what comes next may still be reasoning. */
  readonly inside: boolean;
}

/** @param begins whether the prompt has opened the block already */
export function createReasoningStage(begins: "inside" | "outside"): ReasoningStage {
  let state: "undecided" | "reasoning" | "afterReasoning" | "answer" = begins === "inside" ? "reasoning" : "undecided";
  let held = "";
  /** Whether the current part has begun; white space before that is dropped. */
  let begun = false;

  function enter(next: "reasoning" | "afterReasoning", rest: string): Segment[] {
    state = next;
    begun = false;
    held = "";
    return push(rest);
  }

  function decide(): Segment[] {
    const start = held.trimStart();
    if (start.startsWith(opening)) return enter("reasoning", start.slice(opening.length));
    if (opening.startsWith(start)) return [];
    return answer();
  }

  function answer(): Segment[] {
    state = "answer";
    const text = held;
    held = "";
    return text === "" ? [] : [{ type: "text", text }];
  }

  function reason(): Segment[] {
    if (!begun) held = held.trimStart();
    begun ||= held !== "";
    const closesAt = held.indexOf(closing);
    const end = closesAt >= 0 ? closesAt : held.length - heldTail(held, closing);
    const text = held.slice(0, end - trailingSpace(held.slice(0, end)));
    const segments: Segment[] = text === "" ? [] : [{ type: "reasoning", text }];
    if (closesAt >= 0) return [...segments, ...enter("afterReasoning", held.slice(closesAt + closing.length))];
    held = held.slice(text.length);
    return segments;
  }

  function push(text: string): Segment[] {
    if (state === "answer") return text === "" ? [] : [{ type: "text", text }];
    held += text;
    if (state === "undecided") return decide();
    if (state === "reasoning") return reason();
    held = held.trimStart();
    return held === "" ? [] : answer();
  }

  return {
    get inside() {
      return state === "reasoning";
    },
    push,
    end() {
      const text = state === "reasoning" ? held.trimEnd() : held;
      const type = state === "reasoning" ? "reasoning" : "text";
      held = "";
      return text === "" ? [] : [{ type, text }];
    },
  };
}
