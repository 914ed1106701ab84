import type { ChatMessage, ChatRequest, ContentPart } from "./chat-request.js";

/** What a message costs beside its text (api.md §8). */
const MESSAGE_TOKENS = 4;
const IMAGE_TOKENS = 300;

/** What a chat template may add to the caller's text, and the most an image is rendered to (money.md §7). */
const BOUND_TEMPLATE_TOKENS = 64;
const BOUND_MESSAGE_TOKENS = 16;
const BOUND_IMAGE_TOKENS = 2048;
/** What a tokenizer may put around a text that is turned into a vector. */
const BOUND_INPUT_TOKENS = 8;

const encoder = new TextEncoder();

/**
 * The likely length of the rendered prompt, in tokens: a quarter of the UTF-8 bytes of everything the model reads (messages, calls,
 * tool definitions, answer schema, template variables, or the texts of a task without messages), with allowances per message and image. For rate limits, deadlines and capacity;
 * never for money. Source: api.md §8.
 */
export function estimatePromptTokens(request: ChatRequest): number {
  let tokens = taskTexts(request).reduce((sum, text) => sum + estimateTextTokens(text), 0);
  for (const message of request.messages) tokens += messageTokens(message);
  for (const tool of request.tools) tokens += estimateTextTokens(JSON.stringify(tool));
  if (request.responseFormat.type === "json_schema") tokens += estimateTextTokens(JSON.stringify(request.responseFormat.schema));
  if (hasTemplateVariables(request)) tokens += estimateTextTokens(JSON.stringify(request.templateVariables));
  return tokens;
}

/**
 * The most prompt tokens a request can be charged for: one token per UTF-8 byte of the JSON that a template renders, or of the texts of a
 * task without messages (no byte-level tokenizer yields more), plus 64, 16 per message, 8 per such text and 2048 per image. An image's base64 is not text and counts through its allowance
 * alone. Source: money.md §7.
 */
export function billingPromptBound(request: ChatRequest): number {
  const images = request.messages.reduce((sum, message) => sum + message.content.filter(isImage).length, 0);
  const messages = images === 0 ? request.messages : request.messages.map(withoutImageData);
  const texts = taskTexts(request);
  const ownBytes = texts.reduce((sum, text) => sum + utf8Length(text) + BOUND_INPUT_TOKENS, 0);
  const rendered: unknown[] = [messages, request.tools, request.responseFormat];
  if (hasTemplateVariables(request)) rendered.push(request.templateVariables);
  const bytes = rendered.reduce<number>((sum, value) => sum + utf8Length(JSON.stringify(value)), ownBytes);
  return bytes + BOUND_TEMPLATE_TOKENS + BOUND_MESSAGE_TOKENS * request.messages.length + BOUND_IMAGE_TOKENS * images;
}

/** Texts that are no messages. */
function taskTexts({ task }: ChatRequest): readonly string[] {
  return task.type === "completion" ? [task.prompt] : task.type === "embedding" ? task.inputs : [];
}

function messageTokens(message: ChatMessage): number {
  let tokens = MESSAGE_TOKENS;
  for (const part of message.content) tokens += isImage(part) ? IMAGE_TOKENS : estimateTextTokens(part.text);
  if (message.role === "tool") return tokens;
  tokens += estimateTextTokens(message.name ?? "");
  if (message.role !== "assistant") return tokens;
  tokens += estimateTextTokens(message.reasoning ?? "");
  for (const call of message.toolCalls) tokens += estimateTextTokens(call.name) + estimateTextTokens(call.arguments);
  return tokens;
}

/** The likely length of a text in tokens: a quarter of its UTF-8 bytes. Source: api.md §8. */
export function estimateTextTokens(text: string): number {
  return text === "" ? 0 : Math.max(1, Math.floor(utf8Length(text) / 4));
}

function utf8Length(text: string): number {
  return encoder.encode(text).length;
}

function hasTemplateVariables(request: ChatRequest): boolean {
  return Object.keys(request.templateVariables).length > 0;
}

function isImage(part: ContentPart): part is Extract<ContentPart, { type: "image" }> {
  return part.type === "image";
}

function withoutImageData(message: ChatMessage): ChatMessage {
  return { ...message, content: message.content.map((part) => (isImage(part) ? { ...part, base64: "" } : part)) };
}
