import type { ChatMessage, ContentPart, ToolCall } from "../canonical/chat-request.js";
import { type ParameterPath, parameterError } from "../request-body.js";
import { lowerShown, textPart } from "./content.js";
import type { WireAssistantBlock, WireMessage, WireToolResult, WireUserBlock } from "./content-schema.js";
import { ANTHROPIC_LIMITS } from "./limits.js";
import type { PromptBody } from "./schema.js";

/**
 * Lowers the system prompt and the messages: a user's tool results become messages of their own before the rest of what the user shows,
 * and images in them join that rest.
 *
 * @throws ApiError 400 for media that is not inline, above the limit of images, and for a result of a call that the message before has not.
 */
export function lowerMessages(body: PromptBody): ChatMessage[] {
  const system = joined(body.system ?? "");
  const lowered: ChatMessage[] = system === "" ? [] : [{ role: "system", content: textPart(system) }];
  let open: ReadonlySet<string> = new Set();
  for (const [index, message] of body.messages.entries()) {
    lowered.push(...lowerMessage(message, ["messages", index, "content"], open));
    if (message.role === "assistant") open = callsOf(message);
  }
  refuseTooManyImages(lowered);
  return lowered;
}

function lowerMessage(message: WireMessage, path: ParameterPath, open: ReadonlySet<string>): ChatMessage[] {
  switch (message.role) {
    case "system":
      return [{ role: "system", content: textPart(joined(message.content)) }];
    case "assistant":
      return [lowerAssistant(blocksOf(message.content))];
    case "user":
      return lowerUser(blocksOf(message.content), path, open);
  }
}

function lowerUser(blocks: readonly WireUserBlock[], path: ParameterPath, open: ReadonlySet<string>): ChatMessage[] {
  const results: ChatMessage[] = [];
  const shown: ContentPart[] = [];
  for (const [index, block] of blocks.entries()) {
    const blockPath = [...path, index];
    if (block.type !== "tool_result") {
      shown.push(...lowerShown(block, blockPath));
      continue;
    }
    if (!open.has(block.tool_use_id)) {
      throw parameterError([...blockPath, "tool_use_id"], ": expected the id of a tool_use in the assistant's last message");
    }
    const { message, images } = lowerToolResult(block, blockPath);
    results.push(message);
    shown.push(...images);
  }
  return results.length > 0 && shown.length === 0 ? results : [...results, { role: "user", content: shown }];
}

function lowerToolResult(block: WireToolResult, path: ParameterPath): { message: ChatMessage; images: ContentPart[] } {
  const parts = blocksOf(block.content ?? "").flatMap((shown, index) => lowerShown(shown, [...path, "content", index]));
  const texts = parts.flatMap((part) => (part.type === "text" ? [part.text] : []));
  const content = textPart((block.is_error === true ? "Error: " : "") + texts.join("\n"));
  return { message: { role: "tool", content, toolCallId: block.tool_use_id }, images: parts.filter(({ type }) => type === "image") };
}

/** Signatures of thinking are Anthropic's own and say nothing to another model; redacted thinking cannot be read at all. */
function lowerAssistant(blocks: readonly WireAssistantBlock[]): ChatMessage {
  const content: ContentPart[] = [];
  const toolCalls: ToolCall[] = [];
  const reasoning: string[] = [];
  for (const block of blocks) {
    if (block.type === "text") content.push(...textPart(block.text));
    if (block.type === "thinking") reasoning.push(block.thinking);
    if (block.type === "tool_use") toolCalls.push({ id: block.id, name: block.name, arguments: JSON.stringify(block.input) });
  }
  return { role: "assistant", content, toolCalls, ...(reasoning.length === 0 ? {} : { reasoning: reasoning.join("\n") }) };
}

function callsOf({ content }: Extract<WireMessage, { role: "assistant" }>): ReadonlySet<string> {
  return new Set(blocksOf(content).flatMap((block) => (block.type === "tool_use" ? [block.id] : [])));
}

/** A string is short for one block of text. */
function blocksOf<Block>(content: string | readonly Block[]): readonly (Block | { readonly type: "text"; readonly text: string })[] {
  return typeof content === "string" ? [{ type: "text", text: content }] : content;
}

function joined(content: string | readonly { readonly text: string }[]): string {
  return typeof content === "string" ? content : content.map(({ text }) => text).join("\n");
}

function refuseTooManyImages(messages: readonly ChatMessage[]): void {
  const images = messages.reduce((sum, { content }) => sum + content.filter(({ type }) => type === "image").length, 0);
  if (images > ANTHROPIC_LIMITS.images_max) {
    throw parameterError(["messages"], `: expected at most ${ANTHROPIC_LIMITS.images_max} images, got ${images}`);
  }
}
