import type { Clock } from "@umbel/protocol";

/** Remembers answers by key for a while; whoever asks meanwhile gets the same one, and one that failed is not remembered. */
export function createCache<Answer>(clock: Clock, valid_ms: number): (key: string, load: () => Promise<Answer>) => Promise<Answer> {
  const kept = new Map<string, { readonly at_ms: number; readonly answer: Promise<Answer> }>();
  return (key, load) => {
    const now_ms = clock.now_ms();
    const known = kept.get(key);
    if (known !== undefined && now_ms - known.at_ms < valid_ms) return known.answer;
    const entry = { at_ms: now_ms, answer: load() };
    kept.set(key, entry);
    entry.answer.catch(() => {
      if (kept.get(key) === entry) kept.delete(key);
    });
    return entry.answer;
  };
}
