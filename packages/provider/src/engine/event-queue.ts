/** A queue between one producer and one consumer. It holds what the consumer has not taken yet; the producer bounds it. */
export interface EventQueue<T> {
  push(event: T): void;
  /** No more events follow; what is queued is still delivered. */
  end(): void;
  /** May be iterated once. */
  readonly events: AsyncIterable<T>;
}

/**
 * @param onAbandon called when the consumer leaves its loop before the end
 */
export function createEventQueue<T>(onAbandon: () => void): EventQueue<T> {
  let queued: T[] = [];
  let next = 0;
  let ended = false;
  let waiting: ((result: IteratorResult<T, undefined>) => void) | undefined;

  function take(): IteratorResult<T, undefined> | undefined {
    const event = queued[next];
    if (event === undefined) return ended ? { done: true, value: undefined } : undefined;
    next += 1;
    if (next === queued.length) {
      queued = [];
      next = 0;
    }
    return { done: false, value: event };
  }

  function wake(): void {
    if (waiting === undefined) return;
    const result = take();
    if (result === undefined) return;
    const resolve = waiting;
    waiting = undefined;
    resolve(result);
  }

  const iterator: AsyncIterator<T, undefined> = {
    next() {
      const ready = take();
      if (ready !== undefined) return Promise.resolve(ready);
      return new Promise((resolve) => {
        waiting = resolve;
      });
    },
    return() {
      if (!ended) onAbandon();
      ended = true;
      queued = [];
      next = 0;
      return Promise.resolve({ done: true, value: undefined });
    },
  };

  return {
    push(event) {
      if (ended) return;
      queued.push(event);
      wake();
    },
    end() {
      ended = true;
      wake();
    },
    events: { [Symbol.asyncIterator]: () => iterator },
  };
}
