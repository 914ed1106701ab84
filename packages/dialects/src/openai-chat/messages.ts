import type { ChatMessage, ContentPart, ToolCall } from "../canonical/chat-request.js";
import { lowerImage, refuseTooManyImages } from "../openai/image.js";
import type { ParameterPath } from "../request-body.js";
import type { WireContent, WireMessage } from "./schema.js";

type WirePart = Exclude<WireContent, string | null | undefined>[number];

/**
 * Lowers OpenAI's messages: `developer` becomes `system`, the legacy `function_call` and `function` role become tool calls and their
 * results, images become inline data.
 *
 * @throws ApiError 400 for an image that is not inline, and above the limit of images.
 */
export function lowerMessages(messages: readonly WireMessage[]): ChatMessage[] {
  const legacyCalls = new LegacyCalls();
  const lowered = messages.map((message, index) => lowerMessage(message, index, legacyCalls));
  refuseTooManyImages(lowered, "messages");
  return lowered;
}

function lowerMessage(message: WireMessage, index: number, legacyCalls: LegacyCalls): ChatMessage {
  const content = lowerContent(message.content, index);
  switch (message.role) {
    case "system":
    case "developer":
      return { role: "system", content, ...named(message.name) };
    case "user":
      return { role: "user", content, ...named(message.name) };
    case "assistant":
      return lowerAssistant(message, content, legacyCalls);
    case "tool":
      return { role: "tool", content, toolCallId: message.tool_call_id };
    case "function":
      return { role: "tool", content, toolCallId: legacyCalls.idOf(message.name) };
  }
}

function lowerAssistant(
  message: Extract<WireMessage, { role: "assistant" }>,
  content: ContentPart[],
  legacyCalls: LegacyCalls,
): ChatMessage {
  const toolCalls: ToolCall[] = (message.tool_calls ?? []).map(({ id, function: call }) => ({ id, ...call }));
  if (message.function_call != null) toolCalls.push({ id: legacyCalls.open(message.function_call.name), ...message.function_call });
  const reasoning = message.reasoning_content ?? message.reasoning;
  const refusal: ContentPart[] = message.refusal != null && content.length === 0 ? [{ type: "text", text: message.refusal }] : [];
  return {
    role: "assistant",
    content: [...content, ...refusal],
    toolCalls,
    ...(reasoning == null ? {} : { reasoning }),
    ...named(message.name),
  };
}

function lowerContent(content: WireContent, message: number): ContentPart[] {
  if (content == null || content === "") return [];
  if (typeof content === "string") return [{ type: "text", text: content }];
  return content.map((part, index) => lowerPart(part, ["messages", message, "content", index]));
}

function lowerPart(part: WirePart, path: ParameterPath): ContentPart {
  switch (part.type) {
    case "text":
      return part;
    case "refusal":
      return { type: "text", text: part.refusal };
    case "image_url":
      return typeof part.image_url === "string"
        ? lowerImage(part.image_url, [...path, "image_url"])
        : lowerImage(part.image_url.url, [...path, "image_url", "url"]);
  }
}

function named(name: string | null | undefined): { name?: string } {
  return name == null ? {} : { name };
}

/** Gives the nameless calls of the legacy form ids, and finds the call that a function's result answers. */
class LegacyCalls {
  readonly #ids = new Map<string, string>();
  #opened = 0;

  open(name: string): string {
    const id = `call_legacy_${this.#opened++}`;
    this.#ids.set(name, id);
    return id;
  }

  /** The latest call of that function; a result without a call stands under the function's name. */
  idOf(name: string): string {
    return this.#ids.get(name) ?? `call_legacy_${name}`;
  }
}
