/** A queue that one worker empties in order, so that nobody who puts something in ever waits for whatever takes it. Source: ops.md §3.4. */
export interface Sink<Task> {
  /** False when the queue is full: then the task is dropped, and counted. */
  submit(task: Task): boolean;
  readonly depth: number;
  /** Resolves when everything that was submitted so far has been written or has failed. */
  flushed(): Promise<void>;
}

export interface SinkOptions<Task> {
  /** Tasks that may wait; default 4096. */
  readonly capacity?: number;
  /** Tasks that are written together at most. */
  readonly batch_max: number;
  readonly write: (batch: readonly Task[]) => Promise<void>;
  readonly onFailed: (error: unknown, tasks: number) => void;
  /** @param dropped how many were dropped since the start, this one included */
  readonly onDropped: (dropped: number) => void;
}

export const SINK_CAPACITY = 4_096;

export function createSink<Task>({ capacity = SINK_CAPACITY, batch_max, write, onFailed, onDropped }: SinkOptions<Task>): Sink<Task> {
  const waiting: Task[] = [];
  const watchers = new Set<{ readonly until: number; readonly resolve: () => void }>();
  let submitted = 0;
  let done = 0;
  let dropped = 0;
  let working = false;

  async function work(): Promise<void> {
    working = true;
    // Not in the submitter's own step: what it submits next may go along.
    await Promise.resolve();
    while (waiting.length > 0) {
      const batch = waiting.splice(0, batch_max);
      await write(batch).catch((error: unknown) => onFailed(error, batch.length));
      done += batch.length;
      for (const watcher of watchers) {
        if (watcher.until > done) continue;
        watchers.delete(watcher);
        watcher.resolve();
      }
    }
    working = false;
  }

  return {
    submit(task) {
      if (waiting.length >= capacity) {
        dropped += 1;
        onDropped(dropped);
        return false;
      }
      waiting.push(task);
      submitted += 1;
      if (!working) void work();
      return true;
    },
    get depth() {
      return waiting.length;
    },
    async flushed() {
      const until = submitted;
      if (done < until) await new Promise<void>((resolve) => watchers.add({ until, resolve }));
    },
  };
}
