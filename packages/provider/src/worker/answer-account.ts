import type { ChatEvent, ChatUsage } from "@umbel/dialects";

/** Counts what an answer delivered, event by event, so that one which breaks off can still be accounted for. */
export interface AnswerAccount {
  add(event: ChatEvent): void;
  /** Whether the consumer has got something to see. */
  readonly hasContent: boolean;
  /** The end of the answer, once it came. */
  readonly finish: Extract<ChatEvent, { type: "finish" }> | undefined;
  /** Tokens delivered so far. */
  usage(): ChatUsage;
}

export function createAnswerAccount(): AnswerAccount {
  let started = { promptTokens: 0, cachedPromptTokens: 0 };
  let completionTokens = 0;
  let reasoningTokens = 0;
  let hasContent = false;
  let finish: AnswerAccount["finish"];
  return {
    add(event) {
      if (event.type === "started") started = event;
      else if (event.type === "finish") finish = event;
      else {
        hasContent = true;
        if (event.type === "embedding") return;
        completionTokens += event.tokens;
        if (event.type === "reasoning") reasoningTokens += event.tokens;
      }
    },
    get hasContent() {
      return hasContent;
    },
    get finish() {
      return finish;
    },
    usage: () => ({
      promptTokens: started.promptTokens,
      cachedPromptTokens: started.cachedPromptTokens,
      completionTokens,
      reasoningTokens,
    }),
  };
}
