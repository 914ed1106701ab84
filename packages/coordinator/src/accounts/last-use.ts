import type { Clock } from "@umbel/protocol";

/** How exact `last_used_at` is; money.md §2. */
export const LAST_USE_INTERVAL_MS = 60_000;
/** Writes under way at most; further ones are left out, because the request matters more than its mark. */
const WRITES_MAX = 16;

/** Marks when credentials were last used, aside of the requests that use them. */
export interface LastUse {
  /** Writes the time with `write`, unless it was written less than a minute ago or is being written. */
  note(credential: { readonly id: string; readonly lastUsedAt: Date | null }, write: (id: string, at: Date) => Promise<void>): void;
  /** Waits for writes under way. */
  flush(): Promise<void>;
}

export function createLastUse(clock: Clock): LastUse {
  const underWay = new Map<string, Promise<unknown>>();

  return {
    note({ id, lastUsedAt }, write) {
      const at = clock.date();
      const isFresh = lastUsedAt !== null && at.getTime() - lastUsedAt.getTime() < LAST_USE_INTERVAL_MS;
      if (isFresh || underWay.has(id) || underWay.size >= WRITES_MAX) return;
      // A failed write costs nothing but exactness: the next use writes again.
      const end = () => underWay.delete(id);
      underWay.set(id, write(id, at).then(end, end));
    },
    async flush() {
      await Promise.all(underWay.values());
    },
  };
}
