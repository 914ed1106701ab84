import { expect } from "vitest";
import type { DialectReading, ReadAnswer } from "./readings.js";

/** Fields of OpenAI's responses and events that a client looks at. */
interface WirePart {
  readonly type: string;
  readonly text: string;
  readonly logprobs?: readonly unknown[];
}
interface WireItem {
  readonly type: string;
  readonly id: string;
  readonly status: string;
  readonly content?: readonly WirePart[];
  readonly summary?: readonly WirePart[];
  readonly call_id?: string;
  readonly name?: string;
  readonly arguments?: string;
}
interface WireResponse {
  readonly status: string;
  readonly incomplete_details: unknown;
  readonly output: readonly WireItem[];
  readonly usage: unknown;
  readonly extras?: { readonly receipt?: string };
}
interface WireEvent {
  readonly type: string;
  readonly sequence_number: number;
  readonly response?: WireResponse;
  readonly output_index?: number;
  readonly item_id?: string;
  readonly item?: WireItem;
  readonly part?: WirePart;
  readonly delta?: string;
  readonly text?: string;
  readonly arguments?: string;
  readonly logprobs?: readonly unknown[];
  readonly error?: { readonly message: string };
  readonly message?: string;
}

const TERMINAL = ["response.completed", "response.incomplete", "error"];

export const openAiResponsesReading: DialectReading = {
  stream(text) {
    const events = text.split("\n\n").slice(0, -1).map(eventOf);
    expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, index) => index));
    if (events.length > 0) expect(events.slice(0, 2).map(({ type }) => type)).toEqual(["response.created", "response.in_progress"]);
    const items = assemble(events);
    const last = events.at(-1);
    const finished = last?.type === "error" ? undefined : last?.response;
    if (finished !== undefined) expect(finished.output).toEqual(items.map(({ item }) => item));
    if (last?.type === "error") expect(last.error?.message).toBe(last.message);
    return {
      answer: finished === undefined ? undefined : answerOf(finished),
      text: items.map(({ item, grown }) => (item.type === "message" ? grown : "")).join(""),
      error: last?.error?.message,
      terminators: events.filter(({ type }) => TERMINAL.includes(type)).length,
      endsWithTerminator: text.endsWith("\n\n") && TERMINAL.includes(String(last?.type)),
    };
  },
  final: (value) => answerOf(value as WireResponse),
};

/** The name of an event and the type of its data are the same word. */
function eventOf(block: string): WireEvent {
  const [name, data, ...more] = block.split("\n");
  const event = JSON.parse(String(data).slice("data: ".length)) as WireEvent;
  expect({ name, more }).toEqual({ name: `event: ${event.type}`, more: [] });
  return event;
}

interface Growing {
  item: WireItem;
  grown: string;
  logprobs: unknown[];
  partOpen: boolean;
  textDone: boolean;
  done: boolean;
}

/** Puts items together as a client does that trusts nothing but their fragments, and holds what ends them to it. */
function assemble(events: readonly WireEvent[]): Growing[] {
  const items: Growing[] = [];
  for (const event of events) {
    if (event.output_index === undefined) continue;
    if (event.type === "response.output_item.added" && event.item !== undefined) {
      expect({ index: event.output_index, status: event.item.status }).toEqual({ index: items.length, status: "in_progress" });
      items.push({ item: event.item, grown: "", logprobs: [], partOpen: false, textDone: false, done: false });
      continue;
    }
    const growing = items[event.output_index];
    if (growing === undefined) throw new Error("an event has no item");
    expect(event.item_id ?? event.item?.id).toBe(growing.item.id);
    expect(growing.done).toBe(false);
    grow(growing, event);
  }
  return items;
}

function grow(growing: Growing, event: WireEvent): void {
  const [, kind, step] = /^response\.(.+)\.(added|delta|done)$/.exec(event.type) ?? [];
  const isCall = growing.item.type === "function_call";
  if (step === "added") {
    expect({ kind, open: growing.partOpen, text: event.part?.text }).toEqual({ kind: partOf(growing), open: false, text: "" });
    growing.partOpen = true;
  } else if (step === "delta") {
    expect({ kind, open: growing.partOpen || isCall, over: growing.textDone }).toEqual({ kind: textOf(growing), open: true, over: false });
    growing.grown += event.delta;
    growing.logprobs.push(...(event.logprobs ?? []));
  } else if (kind === textOf(growing)) {
    expect(event.text ?? event.arguments).toBe(growing.grown);
    if (event.logprobs !== undefined) expect(event.logprobs).toEqual(growing.logprobs);
    growing.textDone = true;
  } else if (kind === partOf(growing)) {
    expect({ text: event.part?.text, textDone: growing.textDone }).toEqual({ text: growing.grown, textDone: true });
    growing.partOpen = false;
  } else if (kind === "output_item" && event.item !== undefined) {
    expect({ open: growing.partOpen, textDone: growing.textDone }).toEqual({ open: false, textDone: true });
    expect(saidBy(event.item)).toBe(growing.grown);
    growing.item = event.item;
    growing.done = true;
  } else {
    throw new Error("an event is unknown");
  }
}

function partOf({ item }: Growing): string | undefined {
  return { message: "content_part", reasoning: "reasoning_summary_part" }[item.type];
}

function textOf({ item }: Growing): string | undefined {
  return { message: "output_text", reasoning: "reasoning_summary_text", function_call: "function_call_arguments" }[item.type];
}

function saidBy(item: WireItem): string {
  return item.arguments ?? [...(item.content ?? []), ...(item.summary ?? [])].map(({ text }) => text).join("");
}

function answerOf(response: WireResponse): ReadAnswer {
  const ofType = (type: string) => response.output.filter((item) => item.type === type);
  return {
    text: ofType("message").map(saidBy).join(""),
    reasoning: ofType("reasoning").map(saidBy).join(""),
    calls: ofType("function_call").map((call) => ({ id: call.call_id, name: call.name ?? "", arguments: saidBy(call) })),
    logprobs: ofType("message").flatMap(({ content = [] }) => content.flatMap(({ logprobs = [] }) => logprobs)),
    finish: { status: response.status, details: response.incomplete_details, items: response.output.map(({ id, status }) => [id, status]) },
    usage: response.usage,
    receipt: response.extras?.receipt,
  };
}
