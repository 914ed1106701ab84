import type { DialectReading, ReadAnswer } from "./readings.js";

/** Fields of Anthropic's messages and events that a client looks at. */
interface WireUsage {
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cache_creation_input_tokens: number;
  readonly cache_read_input_tokens: number;
  readonly output_tokens_details: unknown;
}
interface WireBlock {
  readonly type: string;
  readonly text?: string;
  readonly thinking?: string;
  readonly id?: string;
  readonly name?: string;
  readonly input?: unknown;
}
interface WireEnding {
  readonly stop_reason: string | null;
  readonly stop_sequence: string | null;
}
interface WireMessage extends WireEnding {
  readonly content: readonly WireBlock[];
  readonly usage: WireUsage;
  readonly extras?: { readonly receipt?: string };
}
interface WireEvent {
  readonly type: string;
  readonly index?: number;
  readonly message?: WireMessage;
  readonly content_block?: WireBlock;
  readonly delta?: WireEnding & {
    readonly text?: string;
    readonly thinking?: string;
    readonly signature?: string;
    readonly partial_json?: string;
  };
  readonly usage?: WireUsage;
  readonly extras?: { readonly receipt?: string };
  readonly error?: { readonly message: string };
}

export const anthropicMessagesReading: DialectReading = {
  stream(text) {
    const events = text.split("\n\n").slice(0, -1).map(eventOf);
    const terminal = (event: WireEvent | undefined) => event?.type === "message_stop" || event?.type === "error";
    const { blocks, closing } = assemble(events);
    return {
      answer: closing?.delta === undefined ? undefined : answerOf(blocks, closing.delta, closing.usage, closing.extras?.receipt),
      text: blocks.map((block) => block.text ?? "").join(""),
      error: events.at(-1)?.error?.message,
      terminators: events.filter(terminal).length,
      endsWithTerminator: text.endsWith("\n\n") && terminal(events.at(-1)),
    };
  },
  final(value) {
    const message = value as WireMessage;
    return answerOf(message.content, message, message.usage, message.extras?.receipt);
  },
};

/** The name of an event and the type of its data are the same word. */
function eventOf(block: string): WireEvent {
  const [name, data, ...more] = block.split("\n");
  const event = JSON.parse(String(data).slice("data: ".length)) as WireEvent;
  if (name !== `event: ${event.type}` || more.length > 0) throw new Error("an event is not named after its data");
  return event;
}

/** Blocks follow each other: each begins where the one before has ended, with the next index. */
function assemble(events: readonly WireEvent[]) {
  const blocks: WireBlock[] = [];
  let open = false;
  let json = "";
  let begun = false;
  let closing: WireEvent | undefined;
  for (const event of events) {
    const current = blocks.length - 1;
    switch (event.type) {
      case "message_start":
        if (begun) throw new Error("the message starts twice");
        begun = true;
        break;
      case "content_block_start":
        if (!begun || open || event.index !== blocks.length || event.content_block === undefined)
          throw new Error("a block is out of order");
        blocks.push(event.content_block);
        open = true;
        json = "";
        break;
      case "content_block_delta":
        if (!open || event.index !== current) throw new Error("a fragment is out of order");
        json += event.delta?.partial_json ?? "";
        blocks[current] = grown(blocks[current], event.delta);
        break;
      case "content_block_stop": {
        if (!open || event.index !== current) throw new Error("a block ends out of order");
        const block = blocks[current];
        if (block?.type === "tool_use") blocks[current] = { ...block, input: parsed(json) };
        open = false;
        break;
      }
      case "message_delta":
        if (open) throw new Error("the message ends within a block");
        closing = event;
        break;
    }
  }
  return { blocks, closing };
}

function grown(block: WireBlock | undefined, delta: WireEvent["delta"]): WireBlock {
  if (block === undefined) throw new Error("a fragment has no block");
  if (delta?.text !== undefined) return { ...block, text: block.text + delta.text };
  return delta?.thinking === undefined ? block : { ...block, thinking: block.thinking + delta.thinking };
}

/** A client that cannot read a call's input sees none. */
function parsed(json: string): unknown {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}

function answerOf(blocks: readonly WireBlock[], ending: WireEnding, usage: WireUsage | undefined, receipt: unknown): ReadAnswer {
  const calls = blocks.filter(({ type }) => type === "tool_use");
  return {
    text: blocks.map((block) => block.text ?? "").join(""),
    reasoning: blocks.map((block) => block.thinking ?? "").join(""),
    // A stream has calls in the order in which they began, a whole answer in that of their numbers.
    calls: calls.map(({ id, name, input }) => ({ id, name: name ?? "", arguments: JSON.stringify(input) })).sort(byText),
    logprobs: [],
    finish: { reason: ending.stop_reason, sequence: ending.stop_sequence },
    usage: usage && {
      input: usage.input_tokens,
      output: usage.output_tokens,
      created: usage.cache_creation_input_tokens,
      read: usage.cache_read_input_tokens,
      details: usage.output_tokens_details,
    },
    receipt,
  };
}

function byText(one: object, other: object): number {
  const [a, b] = [JSON.stringify(one), JSON.stringify(other)];
  return a < b ? -1 : a > b ? 1 : 0;
}
