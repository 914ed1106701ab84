import { commonPrefix } from "../common-prefix.js";

/** One of the context's sequences and what its key-value cache holds. */
export interface Sequence {
  readonly index: number;
  /** Tokens in the cache, in order; empty when nothing may be reused. */
  cached: Uint32Array;
  /** Who may reuse `cached`. */
  scope: string | undefined;
}

export interface SequencePool {
  readonly free: number;
  /**
   * Takes the free sequence that shares the longest prefix with `tokens` within the same scope; else the first empty one, so that those in
   * use lie side by side, which llama.cpp computes together; else the one that has waited longest. Undefined when none is free.
   */
  take(tokens: Uint32Array, scope: string | undefined): Sequence | undefined;
  release(sequence: Sequence): void;
  /** Those that are free. */
  idle(): readonly Sequence[];
}

/** Shorter common prefixes are not worth keeping a sequence for (provider.md §11.2). */
export const reusedPrefix_tokens_min = 32;

export function createSequencePool(sequences: number): SequencePool {
  /** Longest waiting first. */
  const free: Sequence[] = Array.from({ length: sequences }, (_, index) => ({ index, cached: new Uint32Array(0), scope: undefined }));

  function best(tokens: Uint32Array, scope: string | undefined): number {
    let bestAt = -1;
    let bestLength = reusedPrefix_tokens_min - 1;
    if (scope !== undefined) {
      free.forEach((sequence, at) => {
        const length = sequence.scope === scope ? commonPrefix(sequence.cached, tokens) : 0;
        if (length > bestLength) [bestAt, bestLength] = [at, length];
      });
    }
    if (bestAt >= 0) return bestAt;
    let emptyAt = -1;
    free.forEach((sequence, at) => {
      if (sequence.cached.length === 0 && sequence.index < (free[emptyAt]?.index ?? Number.POSITIVE_INFINITY)) emptyAt = at;
    });
    return Math.max(0, emptyAt);
  }

  return {
    get free() {
      return free.length;
    },
    take(tokens, scope) {
      return free.splice(best(tokens, scope), 1)[0];
    },
    release(sequence) {
      free.push(sequence);
    },
    idle: () => [...free],
  };
}
