import type { Work } from "./work.js";

/** Conversations whose prefix a machine still holds; the one used least recently goes first. */
export class PrefixMemory {
  /** Undefined before there is any: most machines of a large fleet are never asked. */
  #tokens: Map<number, number> | undefined = undefined;

  /** How much of the prompt need not be read again. */
  found({ conversation, sharedTokens }: Work): number {
    return conversation === undefined ? 0 : Math.min(sharedTokens, this.#tokens?.get(conversation) ?? 0);
  }

  remember({ conversation, promptTokens, outputTokens }: Work): void {
    if (conversation === undefined) return;
    this.#tokens ??= new Map();
    this.#tokens.delete(conversation);
    this.#tokens.set(conversation, promptTokens + outputTokens);
    if (this.#tokens.size <= CONVERSATIONS_MAX) return;
    const [oldest] = this.#tokens.keys();
    if (oldest !== undefined) this.#tokens.delete(oldest);
  }
}

/** On one machine. */
const CONVERSATIONS_MAX = 32;
