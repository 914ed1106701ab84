import { firstOfCall } from "../canonical/answer.js";
import type { ChatEvent } from "../canonical/chat-event.js";
import type { ItemEvent, ItemStatus, OutputItem } from "./answer-schema.js";
import type { OpenAiResponsesOptions } from "./options.js";
import { CallItem, MessageItem, type Place, ReasoningItem } from "./output-items.js";

type EventOf<Type extends ChatEvent["type"]> = Extract<ChatEvent, { type: Type }>;
type Item = ReasoningItem | MessageItem | CallItem;

/** Puts the content of one answer together to items (api.md §12.2), and tells a stream of every step (§12.3). */
export interface OutputSequence {
  /** What is no content, and what belongs to an answer that was not asked for, adds nothing. */
  add(event: ChatEvent): ItemEvent[];
  /**
   * Closes what is still open; an answer without any item gets an empty message.
   *
   * @param status of the items that are closed now
   */
  finish(status: "completed" | "incomplete"): ItemEvent[];
  /** Closes what is still open of an answer that failed. */
  breakOff(): ItemEvent[];
  /** The items as they are, in the order in which they began; one that is open is incomplete. */
  items(): OutputItem[];
}

/**
 * Text, reasoning and calls follow each other: what begins closes what was open. Only calls are open side by side, since their fragments may
 * come in turns; one that text has closed takes no more.
 *
 * @param answerId the answer's id without a prefix, after which items are named
 */
export function createOutputSequence(answerId: string, { excludeReasoning }: OpenAiResponsesOptions): OutputSequence {
  const items: Item[] = [];
  const statuses = new Map<Item, ItemStatus>();
  const calls = new Map<number, CallItem>();

  const isOpen = (item: Item) => !statuses.has(item);

  const closeAll = (status: ItemStatus): ItemEvent[] =>
    items.filter(isOpen).flatMap((item) => {
      statuses.set(item, status);
      return item.close(status);
    });

  const begin = <Begun extends Item>(prefix: string, create: (place: Place) => Begun, besides: ItemEvent[]): [Begun, ItemEvent[]] => {
    const item = create({ item_id: `${prefix}_${answerId}_${items.length}`, output_index: items.length });
    items.push(item);
    return [item, [...besides, ...item.open()]];
  };

  const current = () => items.findLast(isOpen);

  const text = (event: EventOf<"text">): ItemEvent[] => {
    if (event.text === "" && event.logprobs === undefined) return [];
    const open = current();
    const [item, events] = open instanceof MessageItem ? [open, []] : begin("msg", messageAt, closeAll("completed"));
    return [...events, ...item.append(event.text, event.logprobs)];
  };

  const reasoning = (event: EventOf<"reasoning">): ItemEvent[] => {
    if (event.text === "" || excludeReasoning) return [];
    const open = current();
    const [item, events] = open instanceof ReasoningItem ? [open, []] : begin("rs", reasoningAt, closeAll("completed"));
    return [...events, ...item.append(event.text)];
  };

  const toolCall = (event: EventOf<"tool_call">): ItemEvent[] => {
    const known = calls.get(event.index);
    if (known !== undefined) return isOpen(known) ? known.append(event.arguments) : [];
    const closed = current() instanceof CallItem ? [] : closeAll("completed");
    const [item, events] = begin("fc", (place) => new CallItem(place, firstOfCall(event, answerId)), closed);
    calls.set(event.index, item);
    return [...events, ...item.append(event.arguments)];
  };

  return {
    add(event) {
      if ("choice" in event && (event.choice ?? 0) > 0) return [];
      switch (event.type) {
        case "text":
          return text(event);
        case "reasoning":
          return reasoning(event);
        case "tool_call":
          return toolCall(event);
        default:
          return [];
      }
    },
    finish(status) {
      const opened = items.length === 0 ? begin("msg", messageAt, [])[1] : [];
      return [...opened, ...closeAll(status)];
    },
    breakOff: () => closeAll("incomplete"),
    items: () => items.map((item) => item.wire(statuses.get(item) ?? "incomplete")),
  };
}

function messageAt(place: Place): MessageItem {
  return new MessageItem(place);
}

function reasoningAt(place: Place): ReasoningItem {
  return new ReasoningItem(place);
}
