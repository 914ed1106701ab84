import type { ChatEvent } from "../canonical/chat-event.js";

/** How the caller of a chat completion wants its answer. */
export interface OpenAiChatOptions {
  /** Usage comes on a chunk of its own, without choices, instead of on the finish chunk. */
  readonly includeUsage: boolean;
  /** The answer shows no reasoning; its tokens still count. */
  readonly excludeReasoning: boolean;
  /** The caller sent `functions`: a call is answered as `function_call`, and only the first. */
  readonly legacyFunctionCall: boolean;
}

/** Keeps the events that the caller is to see, the same for both renderers of one answer. */
export function createVisibility(options: OpenAiChatOptions): (event: ChatEvent) => boolean {
  let onlyCall: number | undefined;
  return (event) => {
    if (event.type === "reasoning") return !options.excludeReasoning;
    if (event.type !== "tool_call" || !options.legacyFunctionCall) return true;
    onlyCall ??= event.index;
    return event.index === onlyCall;
  };
}
