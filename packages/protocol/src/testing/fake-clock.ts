import type { Clock } from "../clock.js";

/** A clock that stands still until a test moves it. */
export interface FakeClock extends Clock {
  /**
   * Moves time forward by `delay_ms` and fires, in order of due time, every timer that falls due, including those set
   * on the way. Promises that a timer settles run to their end before the next timer fires, and before this resolves.
   */
  advance(delay_ms: number): Promise<void>;
  /** Time passes and nothing runs, as on a machine that sleeps. What fell due meanwhile fires, late, when time moves on. */
  sleep(delay_ms: number): void;
  /** Time passes on the wall clock only, as on a machine whose monotonic clock sleeps with it. */
  suspend(delay_ms: number): void;
  /** Timers that wait; zero shows that nothing was left behind. */
  readonly pendingTimers: number;
}

interface Timer {
  due_ms: number;
  fire: () => void;
}

// Taken once, so that a test that replaces the global timers does not stop this clock.
const nextTurn = setImmediate;

/** Runs everything that is ready: the microtask queue is empty when the event loop comes round. */
function settle(): Promise<void> {
  return new Promise((resolve) => nextTurn(resolve));
}

/**
 * Creates a clock for tests, at 0 ms.
 *
 * @param startDate wall-clock time at 0 ms; default 2026-01-01T00:00:00Z
 */
export function createFakeClock(startDate: Date = new Date("2026-01-01T00:00:00Z")): FakeClock {
  let now_ms = 0;
  let suspended_ms = 0;
  // Insertion order breaks ties between equal due times.
  const timers = new Set<Timer>();

  function nextDue(limit_ms: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of timers) {
      if (timer.due_ms <= limit_ms && (first === undefined || timer.due_ms < first.due_ms)) first = timer;
    }
    return first;
  }

  return {
    now_ms: () => now_ms,
    date: () => new Date(startDate.getTime() + now_ms + suspended_ms),
    setTimer(delay_ms, fire) {
      const timer = { due_ms: now_ms + Math.max(0, delay_ms), fire };
      timers.add(timer);
      return () => {
        timers.delete(timer);
      };
    },
    async advance(delay_ms) {
      const end_ms = now_ms + delay_ms;
      await settle();
      for (let timer = nextDue(end_ms); timer !== undefined; timer = nextDue(end_ms)) {
        timers.delete(timer);
        now_ms = Math.max(now_ms, timer.due_ms);
        timer.fire();
        await settle();
      }
      now_ms = end_ms;
    },
    sleep(delay_ms) {
      now_ms += delay_ms;
    },
    suspend(delay_ms) {
      suspended_ms += delay_ms;
    },
    get pendingTimers() {
      return timers.size;
    },
  };
}
