import type { ChatMessage } from "../canonical/chat-request.js";
import { parameterError } from "../request-body.js";
import type { PromptBody } from "./schema.js";

type Conversation = { readonly messages: ChatMessage[]; readonly continueFinalMessage: boolean };

/**
 * A last message of the assistant is the beginning of the answer. An empty one begins nothing and is left out.
 *
 * @throws ApiError 400 where an answer cannot begin so, in the cases in which Anthropic refuses as well.
 */
export function withPrefill(messages: ChatMessage[], body: PromptBody): Conversation {
  const last = messages.at(-1);
  if (last?.role !== "assistant") return { messages, continueFinalMessage: false };
  const path = ["messages", body.messages.length - 1];
  if (last.toolCalls.length > 0) throw parameterError([...path, "content"], ": expected tool_result blocks to follow its tool_use blocks");
  if (last.content.length === 0) {
    if (messages.length === 1) throw parameterError([...path, "content"], ": expected text");
    return { messages: messages.slice(0, -1), continueFinalMessage: false };
  }
  refuseConflicts(body, path);
  const end = last.content.at(-1);
  if (end?.type === "text" && /\s$/.test(end.text)) throw parameterError([...path, "content"], ": expected no whitespace at its end");
  return { messages, continueFinalMessage: true };
}

/** What demands another beginning than the one that is there. */
function refuseConflicts({ tool_choice, thinking, output_config, output_format }: PromptBody, path: readonly PropertyKey[]): void {
  const conflicts = [
    { with: "a tool_choice that demands a call", is: tool_choice?.type === "any" || tool_choice?.type === "tool" },
    { with: "thinking", is: thinking != null && thinking.type !== "disabled" },
    { with: "an output format", is: output_config?.format != null || output_format != null },
  ];
  const conflict = conflicts.find(({ is }) => is);
  if (conflict === undefined) return;
  throw parameterError([...path, "role"], `: a last message of the assistant cannot be used together with ${conflict.with}`);
}
