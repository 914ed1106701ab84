import type { ChatEvent } from "../canonical/chat-event.js";

/** How the caller of a chat completion wants its answer. */
export interface OpenAiChatOptions {
  /** Usage comes on a chunk of its own, without choices, instead of on the finish chunk. */
  readonly includeUsage: boolean;
  /** The answer shows no reasoning; its tokens still count. */
  readonly excludeReasoning: boolean;
  /** The caller sent `functions`: a call is answered as `function_call`, and only the first. */
  readonly legacyFunctionCall: boolean;
  /** How many answers were asked for. */
  readonly choices: number;
}

/** Keeps the events that the caller is to see, the same for both renderers of one answer. */
export function createVisibility(options: OpenAiChatOptions): (event: ChatEvent) => boolean {
  const onlyCalls = new Map<number, number>();
  return (event) => {
    if (!("choice" in event) || event.choice === undefined || event.choice < options.choices) return isVisible(event);
    return false;
  };

  function isVisible(event: ChatEvent): boolean {
    if (event.type === "reasoning") return !options.excludeReasoning;
    if (event.type !== "tool_call" || !options.legacyFunctionCall) return true;
    const choice = event.choice ?? 0;
    const onlyCall = onlyCalls.get(choice) ?? event.index;
    onlyCalls.set(choice, onlyCall);
    return event.index === onlyCall;
  }
}
