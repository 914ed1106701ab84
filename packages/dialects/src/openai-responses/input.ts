import type { ChatMessage, ContentPart } from "../canonical/chat-request.js";
import { lowerImage, refuseTooManyImages } from "../openai/image.js";
import { missingParameter, type ParameterPath, parameterError } from "../request-body.js";
import type { WireContent, WireItem, WireMessage } from "./input-schema.js";
import type { ResponsesBody } from "./schema.js";

type AssistantMessage = Extract<ChatMessage, { role: "assistant" }>;
type ItemOf<Type> = Extract<WireItem, { type: Type }>;

/**
 * Lowers `instructions` and `input`. A message of the assistant and the calls that follow it are one turn, and so one message; reasoning
 * belongs to the turn that it stands before.
 *
 * @throws ApiError 400 for an image that is not inline, above the limit of images, and for input without anything to answer.
 */
export function lowerInput(instructions: string, input: ResponsesBody["input"]): ChatMessage[] {
  const conversation = new Conversation();
  if (typeof input === "string") conversation.say({ role: "user", content: textPart(input) });
  else for (const [index, item] of input.entries()) addItem(conversation, item, ["input", index]);
  const messages = conversation.end();
  if (messages.length === 0) throw parameterError(["input"], ": expected at least 1 message");
  refuseTooManyImages(messages, "input");
  return instructions === "" ? messages : [{ role: "system", content: textPart(instructions) }, ...messages];
}

function addItem(conversation: Conversation, item: WireItem, path: ParameterPath): void {
  switch (item.type) {
    case "function_call":
      conversation.call({ id: callIdOf(item, path), name: item.name, arguments: item.arguments });
      break;
    case "function_call_output":
      conversation.callOutput(item.call_id, lowerContent(item.output, [...path, "output"]));
      break;
    case "reasoning":
      conversation.think(reasoningOf(item));
      break;
    default:
      addMessage(conversation, item, lowerContent(item.content, [...path, "content"]));
  }
}

function addMessage(conversation: Conversation, { role }: WireMessage, content: ContentPart[]): void {
  if (role === "assistant") conversation.answer(content);
  else conversation.say({ role: role === "system" || role === "developer" ? "system" : "user", content });
}

function callIdOf(call: ItemOf<"function_call">, path: ParameterPath): string {
  const id = call.call_id ?? call.id;
  if (id == null) throw missingParameter([...path, "call_id"]);
  return id;
}

/** The reasoning itself where an item has both it and a summary. */
function reasoningOf({ content, summary }: ItemOf<"reasoning">): string {
  const parts = content == null || content.length === 0 ? (summary ?? []) : content;
  return parts.map(({ text }) => text).join("\n");
}

/** Texts that follow each other become one, a line each (api.md §12.1). */
function lowerContent(content: WireContent, path: ParameterPath): ContentPart[] {
  if (typeof content === "string") return textPart(content);
  const lowered: ContentPart[] = [];
  for (const [index, part] of content.entries()) {
    const last = lowered.at(-1);
    if (part.type === "input_image") lowered.push(lowerImage(part.image_url, [...path, index, "image_url"]));
    else if (last?.type === "text") last.text += `\n${textOf(part)}`;
    else lowered.push({ type: "text", text: textOf(part) });
  }
  return lowered;
}

function textOf(part: { readonly text: string } | { readonly refusal: string }): string {
  return "refusal" in part ? part.refusal : part.text;
}

function textPart(text: string): ContentPart[] {
  return text === "" ? [] : [{ type: "text", text }];
}

/** Puts items together to messages. */
class Conversation {
  readonly #messages: ChatMessage[] = [];
  /** The assistant's message that further calls belong to. */
  #turn: AssistantMessage | undefined;
  #reasoning: string[] = [];
  /** Images in the outputs of calls; a tool's message is text alone, so they are shown after the last of them. */
  #images: ContentPart[] = [];

  say(message: Extract<ChatMessage, { role: "system" | "user" }>): void {
    this.#endTurn();
    this.#showImages();
    this.#messages.push(message);
  }

  answer(content: ContentPart[]): void {
    this.#showImages();
    this.#beginTurn(content);
  }

  call(call: AssistantMessage["toolCalls"][number]): void {
    this.#showImages();
    const turn = this.#turn ?? this.#beginTurn([]);
    this.#joinReasoning(turn);
    turn.toolCalls.push(call);
  }

  callOutput(toolCallId: string, content: ContentPart[]): void {
    this.#endTurn();
    this.#messages.push({ role: "tool", content: content.filter(({ type }) => type === "text"), toolCallId });
    this.#images.push(...content.filter(({ type }) => type === "image"));
  }

  think(text: string): void {
    if (text !== "") this.#reasoning.push(text);
  }

  end(): ChatMessage[] {
    this.#showImages();
    return this.#messages;
  }

  #endTurn(): void {
    this.#turn = undefined;
    this.#reasoning = [];
  }

  #showImages(): void {
    if (this.#images.length > 0) this.#messages.push({ role: "user", content: this.#images });
    this.#images = [];
  }

  #beginTurn(content: ContentPart[]): AssistantMessage {
    const turn: AssistantMessage = { role: "assistant", content, toolCalls: [] };
    this.#joinReasoning(turn);
    this.#turn = turn;
    this.#messages.push(turn);
    return turn;
  }

  #joinReasoning(turn: AssistantMessage): void {
    if (this.#reasoning.length === 0) return;
    const earlier = turn.reasoning === undefined ? [] : [turn.reasoning];
    turn.reasoning = [...earlier, ...this.#reasoning].join("\n");
    this.#reasoning = [];
  }
}
