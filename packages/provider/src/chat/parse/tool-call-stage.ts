import { heldTail, trailingSpace } from "./held-tail.js";
import { createJsonScanner, type JsonScanner } from "./json-scanner.js";
import { parseCall, parseCallHead } from "./parse-call.js";
import type { Segment, Stage } from "./segment.js";

const opening = "<tool_call>";
const closing = "</tool_call>";

/**
 * Takes tool calls in the Hermes form, `<tool_call>\n{"name": …, "arguments": {…}}\n</tool_call>`, out of a text. Arguments are passed on
 * while they are written, once the name before them is known. What does not begin as a call comes out as the text it is. White space before
 * a call belongs to nothing.
 */
export interface ToolCallStage extends Stage {
  /** Calls that are over. */
  readonly calls: number;
}

/** A call that is being written. */
interface OpenCall {
  /** From the opening tag on, with the white space on both sides of it. */
  readonly lead: string;
  readonly scanner: JsonScanner;
  body: string;
  /** Members of the call that were objects or arrays and are closed. */
  closedMembers: number;
  /** Whether its arguments are being passed on, or what follows them. */
  passing: "nothing" | "arguments" | "rest";
}

/** @param newId makes the id of a call */
export function createToolCallStage(newId: () => string): ToolCallStage {
  let state: "text" | "call" | "closing" = "text";
  /** Text that may be part of a tag, with the white space before it. */
  let held = "";
  let open = openCall("");
  let index = 0;

  /** Each of the three takes what it can from `text` and returns what another state must look at. */
  function takeText(text: string, out: Segment[]): string {
    held += text;
    const at = held.indexOf(opening);
    const end = at >= 0 ? at : held.length - heldTail(held, opening);
    const plain = held.slice(0, end - trailingSpace(held.slice(0, end)));
    pushText(out, plain);
    held = held.slice(plain.length);
    if (at < 0) return "";
    const tagEnd = held.indexOf(opening) + opening.length;
    const rest = held.slice(tagEnd);
    open = openCall(held.slice(0, tagEnd));
    held = "";
    state = "call";
    return rest;
  }

  function takeCall(text: string, out: Segment[]): string {
    for (let i = 0; i < text.length; i++) {
      const character = text.charAt(i);
      const { depth } = open.scanner;
      const verdict = depth === 0 && /\s/.test(character) ? "more" : open.scanner.feed(character);
      if (verdict === "invalid") return giveUp(out) + text.slice(i);
      open.body += character;
      if (open.passing === "arguments") pushArguments(out, index, character);
      if (depth === 2 && open.scanner.depth === 1) {
        open.closedMembers += 1;
        if (open.passing === "arguments") open.passing = "rest";
      }
      if (verdict === "complete") return finish(out) + text.slice(i + 1);
      if (depth === 1 && open.scanner.depth === 2) beginPassing(out);
    }
    return "";
  }

  function takeClosing(text: string): string {
    held += text;
    const start = held.trimStart();
    if (start !== closing && closing.startsWith(start)) return "";
    const rest = start.startsWith(closing) ? start.slice(closing.length) : held;
    held = "";
    state = "text";
    return rest;
  }

  function beginPassing(out: Segment[]): void {
    const head = parseCallHead(open.body);
    if (head === undefined || open.closedMembers > 0) return;
    open.passing = "arguments";
    out.push({ type: "tool_call", index, id: newId(), name: head.name, arguments: open.body.slice(head.argumentsAt) });
  }

  function finish(out: Segment[]): string {
    if (open.passing === "nothing") {
      const call = parseCall(open.body);
      if (call === undefined) return giveUp(out);
      out.push({ type: "tool_call", index, id: newId(), ...call });
    }
    index += 1;
    state = "closing";
    return "";
  }

  /** Not a call: its tag is text, and behind the tag another may begin. What was passed on already stays a call. */
  function giveUp(out: Segment[]): string {
    state = "text";
    if (open.passing !== "nothing") {
      index += 1;
      return "";
    }
    pushText(out, open.lead);
    return open.body;
  }

  return {
    get calls() {
      return index;
    },
    push(text) {
      const out: Segment[] = [];
      let rest = text;
      while (rest !== "") rest = state === "text" ? takeText(rest, out) : state === "call" ? takeCall(rest, out) : takeClosing(rest);
      return out;
    },
    end() {
      const out: Segment[] = [];
      if (state === "text" && !(index > 0 && held.trim() === "")) pushText(out, held);
      if (state === "call" && open.passing === "nothing") pushText(out, open.lead + open.body);
      state = "text";
      held = "";
      return out;
    },
  };
}

function openCall(lead: string): OpenCall {
  return { lead, scanner: createJsonScanner(), body: "", closedMembers: 0, passing: "nothing" };
}

function pushText(out: Segment[], text: string): void {
  if (text !== "") out.push({ type: "text", text });
}

function pushArguments(out: Segment[], index: number, text: string): void {
  const last = out.at(-1);
  if (last?.type === "tool_call" && last.index === index) out[out.length - 1] = { ...last, arguments: last.arguments + text };
  else out.push({ type: "tool_call", index, arguments: text });
}
