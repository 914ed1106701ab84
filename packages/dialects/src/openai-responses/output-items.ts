import type { TokenLogprob } from "../canonical/chat-event.js";
import type { ToolCall } from "../canonical/chat-request.js";
import type { ItemEvent, ItemStatus, OutputItem, TextPart, WireLogprobs } from "./answer-schema.js";

/** Where an item stands in an answer. */
export interface Place {
  readonly item_id: string;
  readonly output_index: number;
}

/** An item of an answer while it is written. */
interface GrowingItem {
  /** The events that come before its first fragment. */
  open(): ItemEvent[];
  /** The events that come after its last fragment. */
  close(status: ItemStatus): ItemEvent[];
  /** As it is now. */
  wire(status: ItemStatus): OutputItem;
}

const ONLY_PART = { content_index: 0 } as const;
const ONLY_SUMMARY = { summary_index: 0 } as const;

/** What a model thinks, shown as the one part of a summary. */
export class ReasoningItem implements GrowingItem {
  #text = "";

  constructor(readonly place: Place) {}

  open(): ItemEvent[] {
    return [
      added(this.place, { type: "reasoning", id: this.place.item_id, status: "in_progress", summary: [] }),
      { type: "response.reasoning_summary_part.added", ...this.place, ...ONLY_SUMMARY, part: this.#part() },
    ];
  }

  append(delta: string): ItemEvent[] {
    this.#text += delta;
    return [{ type: "response.reasoning_summary_text.delta", ...this.place, ...ONLY_SUMMARY, delta }];
  }

  close(status: ItemStatus): ItemEvent[] {
    return [
      { type: "response.reasoning_summary_text.done", ...this.place, ...ONLY_SUMMARY, text: this.#text },
      { type: "response.reasoning_summary_part.done", ...this.place, ...ONLY_SUMMARY, part: this.#part() },
      done(this.place, this.wire(status)),
    ];
  }

  wire(status: ItemStatus): OutputItem {
    return { type: "reasoning", id: this.place.item_id, status, summary: [this.#part()] };
  }

  #part() {
    return { type: "summary_text" as const, text: this.#text };
  }
}

export class MessageItem implements GrowingItem {
  #text = "";
  readonly #logprobs: WireLogprobs = [];

  constructor(readonly place: Place) {}

  open(): ItemEvent[] {
    return [
      added(this.place, { type: "message", id: this.place.item_id, status: "in_progress", role: "assistant", content: [] }),
      { type: "response.content_part.added", ...this.place, ...ONLY_PART, part: this.#part() },
    ];
  }

  append(delta: string, tokens: readonly TokenLogprob[] | undefined): ItemEvent[] {
    const logprobs = (tokens ?? []).map(({ top, ...token }) => ({ ...token, top_logprobs: top }));
    this.#text += delta;
    this.#logprobs.push(...logprobs);
    return [{ type: "response.output_text.delta", ...this.place, ...ONLY_PART, delta, logprobs }];
  }

  close(status: ItemStatus): ItemEvent[] {
    return [
      { type: "response.output_text.done", ...this.place, ...ONLY_PART, text: this.#text, logprobs: this.#logprobs },
      { type: "response.content_part.done", ...this.place, ...ONLY_PART, part: this.#part() },
      done(this.place, this.wire(status)),
    ];
  }

  wire(status: ItemStatus): OutputItem {
    return { type: "message", id: this.place.item_id, status, role: "assistant", content: [this.#part()] };
  }

  #part(): TextPart {
    return { type: "output_text", text: this.#text, annotations: [], logprobs: [...this.#logprobs] };
  }
}

export class CallItem implements GrowingItem {
  readonly #call: Omit<ToolCall, "arguments">;
  #arguments = "";

  constructor(
    readonly place: Place,
    { id, name }: Omit<ToolCall, "arguments">,
  ) {
    this.#call = { id, name };
  }

  open(): ItemEvent[] {
    return [added(this.place, this.wire("in_progress"))];
  }

  append(delta: string): ItemEvent[] {
    if (delta === "") return [];
    this.#arguments += delta;
    return [{ type: "response.function_call_arguments.delta", ...this.place, delta }];
  }

  close(status: ItemStatus): ItemEvent[] {
    return [
      { type: "response.function_call_arguments.done", ...this.place, name: this.#call.name, arguments: this.#arguments },
      done(this.place, this.wire(status)),
    ];
  }

  wire(status: ItemStatus): OutputItem {
    const { id, name } = this.#call;
    return { type: "function_call", id: this.place.item_id, status, call_id: id, name, arguments: this.#arguments };
  }
}

function added({ output_index }: Place, item: OutputItem): ItemEvent {
  return { type: "response.output_item.added", output_index, item };
}

function done({ output_index }: Place, item: OutputItem): ItemEvent {
  return { type: "response.output_item.done", output_index, item };
}
