/** Hands out turns in the order of asking; one holds at a time. */
export interface Turns {
  take<T>(work: () => Promise<T>): Promise<T>;
  /** Who waits for the holder to be done. */
  readonly waiting: number;
}

/**
 * The models of one engine compute one after the other, step by step: two at once would ask for more threads than there are cores,
 * and llama.cpp's waiting threads then cost up to a hundredfold (engine.md §3).
 */
export function createTurns(): Turns {
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  return {
    get waiting() {
      return waiting;
    },
    take(work) {
      waiting += 1;
      const begin = () => {
        waiting -= 1;
        return work();
      };
      const turn = last.then(begin, begin);
      last = turn;
      return turn;
    },
  };
}
