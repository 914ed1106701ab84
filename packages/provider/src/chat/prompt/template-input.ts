import { type ChatMessage, type ChatRequest, type ContentPart, type ToolCall, type ToolDefinition, templateSchema } from "@umbel/dialects";
import { badParameter } from "../chat-error.js";

/** What templates expect: messages and tools as plain dictionaries in OpenAI's spelling, without nulls. */
export interface TemplateInput {
  readonly messages: readonly Record<string, unknown>[];
  readonly tools: readonly Record<string, unknown>[] | undefined;
  /** Extra variables that the request brings. */
  readonly variables: Readonly<Record<string, unknown>>;
}

/**
 * @throws ChatError `client_request` for media, and for a history in which tools answer without having been called.
 */
export function templateInput(request: ChatRequest): TemplateInput {
  checkHistory(request.messages);
  const { effort } = request.reasoning;
  return {
    messages: request.messages.map(messageDictionary),
    // A model that sees tools uses them.
    tools: request.tools.length === 0 || request.toolChoice.type === "none" ? undefined : request.tools.map(toolDictionary),
    variables: {
      ...request.templateVariables,
      // Both are conventions of model families; a template ignores the one that it does not know.
      ...(effort === undefined ? {} : { reasoning_effort: effort, enable_thinking: effort !== "none" }),
    },
  };
}

function messageDictionary(message: ChatMessage): Record<string, unknown> {
  const base = { role: message.role, content: textOf(message.content) };
  switch (message.role) {
    case "tool":
      return { ...base, tool_call_id: message.toolCallId };
    case "assistant": {
      const said = message.reasoning === undefined ? apart(base.content) : { content: base.content, reasoning: message.reasoning };
      return withoutNulls({
        ...base,
        content: said.content,
        name: message.name,
        reasoning_content: said.reasoning,
        tool_calls: message.toolCalls.length === 0 ? undefined : message.toolCalls.map(callDictionary),
      });
    }
    default:
      return withoutNulls({ ...base, name: message.name });
  }
}

/**
 * Some callers send an answer back with its reasoning still in it. Templates look for the tags to leave old reasoning out, and would not find
 * them in a text of the caller's, whose control tokens are guarded.
 */
function apart(content: string): { readonly content: string; readonly reasoning: string | undefined } {
  const [, reasoning, rest = ""] = /^\s*<think>(.*?)<\/think>\s*(.*)$/s.exec(content) ?? [];
  return reasoning === undefined ? { content, reasoning } : { content: rest, reasoning: reasoning.trim() };
}

function callDictionary(call: ToolCall): Record<string, unknown> {
  return { id: call.id, type: "function", function: { name: call.name, arguments: parsedArguments(call.arguments) } };
}

/** As an object, which templates print in the spacing that their model knows; text that is no JSON object stays as it is. */
function parsedArguments(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return withoutNulls(value);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return text;
}

function toolDictionary(tool: ToolDefinition): Record<string, unknown> {
  const { name, description, parameters = { type: "object", properties: {} } } = tool;
  return { type: "function", function: withoutNulls({ name, description, parameters: templateSchema(parameters) }) };
}

function textOf(parts: readonly ContentPart[]): string {
  return parts
    .map((part) => {
      if (part.type !== "text") throw badParameter("messages");
      return part.text;
    })
    .join("");
}

function checkHistory(messages: readonly ChatMessage[]): void {
  let called = false;
  for (const message of messages) {
    if (message.role === "tool" && !called) throw badParameter("messages");
    if (message.role !== "tool") called = message.role === "assistant" && message.toolCalls.length > 0;
    if (message.role === "assistant" && message.toolCalls.some((call) => call.name === "")) throw badParameter("messages");
  }
}

function withoutNulls(value: object): Record<string, unknown> {
  const kept = Object.entries(value).filter(([, inner]) => inner !== null && inner !== undefined);
  return Object.fromEntries(kept.map(([key, inner]) => [key, deepWithoutNulls(inner)]));
}

function deepWithoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter((inner) => inner !== null).map(deepWithoutNulls);
  return typeof value === "object" && value !== null ? withoutNulls(value) : value;
}
