import type { Clock } from "@umbel/protocol";

const FIRST_DELAY_ms = 100;
const LONGEST_DELAY_ms = 30_000;

/** Repeats calls that must not be lost, with growing pauses, for as long as the process serves. Source: money.md §10. */
export interface Repeater {
  /** Begins after a first pause. `failed` hears of every failure. */
  repeat(work: () => Promise<unknown>, failed: (error: unknown) => void): void;
  /** Calls that have not come through yet. */
  readonly pending: number;
  /** Stops repeating; what is left is found by the ledger's recovery at the next start. */
  close(): void;
}

export function createRepeater(clock: Clock): Repeater {
  const waiting = new Set<() => void>();
  let running = 0;
  let closed = false;

  function schedule(work: () => Promise<unknown>, failed: (error: unknown) => void, delay_ms: number): void {
    if (closed) return;
    const cancel = clock.setTimer(delay_ms, () => {
      waiting.delete(cancel);
      running += 1;
      work()
        .catch((error: unknown) => {
          failed(error);
          schedule(work, failed, Math.min(delay_ms * 2, LONGEST_DELAY_ms));
        })
        .finally(() => {
          running -= 1;
        });
    });
    waiting.add(cancel);
  }

  return {
    repeat: (work, failed) => schedule(work, failed, FIRST_DELAY_ms),
    get pending() {
      return waiting.size + running;
    },
    close() {
      closed = true;
      for (const cancel of waiting) cancel();
      waiting.clear();
    },
  };
}
