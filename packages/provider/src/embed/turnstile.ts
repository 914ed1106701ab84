// Not through the door: that would load what only batches need.
import { createFairQueue } from "../batch/fair-queue.js";

/** Lets one through at a time. Those of one lane in their order; the lanes take turns. */
export interface Turnstile {
  /** Resolves when it is the caller's turn, with the means to end it. Rejects with the signal's reason. */
  enter(lane: string, signal: AbortSignal): Promise<() => void>;
}

export function createTurnstile(): Turnstile {
  const waiting = createFairQueue<() => void>();
  let taken = false;

  function leave(): void {
    const next = waiting.shift();
    if (next === undefined) taken = false;
    else next();
  }

  /** Ending a turn twice would let two through. */
  function turn(): () => void {
    let over = false;
    return () => {
      if (over) return;
      over = true;
      leave();
    };
  }

  return {
    async enter(lane, signal) {
      signal.throwIfAborted();
      if (!taken) {
        taken = true;
        return turn();
      }
      return new Promise((resolve, reject) => {
        const admit = (): void => {
          signal.removeEventListener("abort", giveUp);
          resolve(turn());
        };
        const giveUp = (): void => {
          waiting.remove(lane, admit);
          reject(signal.reason);
        };
        signal.addEventListener("abort", giveUp, { once: true });
        waiting.push(lane, admit);
      });
    },
  };
}
