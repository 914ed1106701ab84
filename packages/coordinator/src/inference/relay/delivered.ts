import type { ChatEvent, ChatUsage } from "@umbel/dialects";
import type { Usage } from "@umbel/protocol";

/** What the relay itself has seen of an answer: the usage that is settled when the provider's own account is missing or invalid. */
export interface DeliveredCount {
  add(events: readonly ChatEvent[]): void;
  usage(): Usage;
  /** Whether so many tokens cannot have come to what was seen: each decodes to a byte at least, but for a few that are never shown. */
  isLess(completion_tokens: number): boolean;
}

/** Tokens that mark the ends of parts and turns, and show nothing. Source: money.md §6. */
const UNSEEN_tokens_max = 64;

export function createDeliveredCount(): DeliveredCount {
  const seen = { prompt_tokens: 0, completion_tokens: 0, reasoning_tokens: 0, cached_prompt_tokens: 0 };
  let bytes = 0;
  return {
    add(events) {
      for (const event of events) {
        switch (event.type) {
          case "started":
            seen.prompt_tokens = event.promptTokens;
            seen.cached_prompt_tokens = event.cachedPromptTokens;
            break;
          case "reasoning":
            seen.reasoning_tokens += event.tokens;
            seen.completion_tokens += event.tokens;
            bytes += Buffer.byteLength(event.text);
            break;
          case "text":
            seen.completion_tokens += event.tokens;
            bytes += Buffer.byteLength(event.text);
            break;
          case "tool_call":
            seen.completion_tokens += event.tokens;
            bytes += JSON.stringify(event).length;
            break;
          case "embedding":
          case "finish":
            break;
        }
      }
    },
    usage: () => ({ ...seen }),
    isLess: (completion_tokens) => completion_tokens > bytes + UNSEEN_tokens_max,
  };
}

/** The usage that a consumer is shown, from the one that is settled. */
export function chatUsageOf(usage: Usage): ChatUsage {
  return {
    promptTokens: usage.prompt_tokens,
    completionTokens: usage.completion_tokens,
    reasoningTokens: usage.reasoning_tokens,
    cachedPromptTokens: usage.cached_prompt_tokens,
  };
}
