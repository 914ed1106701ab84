/**
 * Hands on what comes from `source` in batches: each holds everything that was there once the microtasks of a turn had run, so that items
 * which come together travel together and none waits for company. While a batch is being written at most `size_max` more are taken.
 *
 * Rejects as the source does, after what came before is written; or as `write` does, after returning the source.
 */
export async function forEachBatch<T>(
  source: AsyncIterable<T>,
  size_max: number,
  write: (batch: readonly T[]) => Promise<void>,
): Promise<void> {
  let pending: T[] = [];
  let writing: Promise<void> | undefined;
  let failure: { readonly error: unknown } | undefined;

  async function writePending(): Promise<void> {
    await new Promise<void>((resolve) => process.nextTick(resolve));
    while (pending.length > 0) {
      const batch = pending;
      pending = [];
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
      if (pending.length >= size_max) await writing;
    }
  } finally {
    await writing;
  }
  if (failure !== undefined) throw failure.error;
}
