import type { Clock } from "@umbel/protocol";
import type { Departures } from "./departures.js";

export interface BatchOptions {
  /** Items of one batch at most; so many more are taken while it is being written. */
  readonly size_max: number;
  /** A batch waits at most so long after the one before, unless it is full or the last. */
  readonly gap_ms: number;
  readonly clock: Pick<Clock, "now_ms">;
  /** Batches that wait for their gap leave with those of other sources. */
  readonly departures: Departures;
}

/**
 * Hands on what comes from `source` in batches: each holds everything that was there once the microtasks of a turn had run, so that items
 * which come together travel together. None waits for company, but for those that follow others sooner than anybody could tell.
 *
 * Rejects as the source does, after what came before is written; or as `write` does, after returning the source.
 */
export async function forEachBatch<T>(
  source: AsyncIterable<T>,
  { size_max, gap_ms, clock, departures }: BatchOptions,
  write: (batch: readonly T[]) => Promise<void>,
): Promise<void> {
  let pending: T[] = [];
  let writing: Promise<void> | undefined;
  let failure: { readonly error: unknown } | undefined;
  let last_ms = Number.NEGATIVE_INFINITY;
  let isOver = false;
  let hurry = (): void => undefined;

  function gapAfterLast(): Promise<void> | undefined {
    const due_ms = last_ms + gap_ms;
    if (isOver || due_ms <= clock.now_ms() || pending.length >= size_max) return undefined;
    return new Promise((resolve) => {
      const stay = departures.at(due_ms, resolve);
      hurry = () => {
        stay();
        resolve();
      };
    });
  }

  async function writePending(): Promise<void> {
    await new Promise<void>((resolve) => process.nextTick(resolve));
    while (pending.length > 0) {
      await gapAfterLast();
      const batch = pending;
      pending = [];
      last_ms = clock.now_ms();
      await write(batch);
    }
    writing = undefined;
  }

  try {
    for await (const item of source) {
      if (failure !== undefined) break;
      pending.push(item);
      writing ??= writePending().catch((error: unknown) => {
        failure = { error };
      });
      if (pending.length < size_max) continue;
      hurry();
      await writing;
    }
  } finally {
    isOver = true;
    hurry();
    await writing;
  }
  if (failure !== undefined) throw failure.error;
}
