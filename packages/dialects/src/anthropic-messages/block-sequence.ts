import type { ToolCall } from "../canonical/chat-request.js";
import type { AnswerBlock, BlockDelta, StreamEvent } from "./answer-schema.js";
import { ToolInput } from "./tool-input.js";

type BlockEvent = Extract<StreamEvent, { type: `content_block_${string}` }>;

interface Block {
  readonly start: AnswerBlock;
  delta(text: string): BlockDelta;
  /** Of a call: where its input ends. */
  readonly input: ToolInput | undefined;
  /** Text that is not written yet. */
  pending: string;
  started: boolean;
}

/** Writes the blocks of one answer one after another, as the dialect demands, in whatever order their fragments come. */
export interface BlockSequence {
  text(text: string): BlockEvent[];
  thinking(text: string): BlockEvent[];
  /** The first fragment of a call; `call` names it and holds what of its arguments came with it. */
  openCall(index: number, call: ToolCall): BlockEvent[];
  callFragment(index: number, fragment: string): BlockEvent[];
  /** Ends the block that is open and writes those that wait. */
  finish(): BlockEvent[];
}

/**
 * The first block that has not ended is written as it grows; the others wait. Text and thinking end when another block follows, a call when
 * its input is complete: only then can no fragment of it come any more.
 */
export function createBlockSequence(): BlockSequence {
  /** The one being written first, then those that wait. */
  const blocks: Block[] = [];
  const calls = new Map<number, Block>();
  let index = 0;

  const write = (mayClose: (block: Block) => boolean): BlockEvent[] => {
    const events: BlockEvent[] = [];
    for (let block = blocks[0]; block !== undefined; block = blocks[0]) {
      if (!block.started) events.push({ type: "content_block_start", index, content_block: block.start });
      block.started = true;
      if (block.pending !== "") events.push({ type: "content_block_delta", index, delta: block.delta(block.pending) });
      block.pending = "";
      if (!mayClose(block)) break;
      // Clients that expect signatures get an empty one: it vouches for nothing.
      if (block.start.type === "thinking") {
        events.push({ type: "content_block_delta", index, delta: { type: "signature_delta", signature: "" } });
      }
      events.push({ type: "content_block_stop", index });
      blocks.shift();
      index++;
    }
    return events;
  };

  const advance = () => write((block) => block.input?.complete ?? blocks.length > 1);

  const append = (text: string, start: AnswerBlock, delta: Block["delta"]): BlockEvent[] => {
    const last = blocks.at(-1);
    if (last?.start.type === start.type) last.pending += text;
    else blocks.push({ start, delta, input: undefined, pending: text, started: false });
    return advance();
  };

  return {
    text: (text) => append(text, { type: "text", text: "", citations: null }, (part) => ({ type: "text_delta", text: part })),
    thinking: (text) =>
      append(text, { type: "thinking", thinking: "", signature: "" }, (part) => ({ type: "thinking_delta", thinking: part })),
    openCall(callIndex, { id, name, arguments: fragment }) {
      const input = new ToolInput();
      const block: Block = {
        start: { type: "tool_use", id, name, input: {}, caller: { type: "direct" } },
        delta: (part) => ({ type: "input_json_delta", partial_json: part }),
        input,
        pending: input.take(fragment),
        started: false,
      };
      calls.set(callIndex, block);
      blocks.push(block);
      return advance();
    },
    callFragment(callIndex, fragment) {
      const block = calls.get(callIndex);
      if (block?.input !== undefined) block.pending += block.input.take(fragment);
      return advance();
    },
    finish: () => write(() => true),
  };
}
