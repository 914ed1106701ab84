import type { Clock } from "@umbel/protocol";

/**
 * Those who wait a moment before they go leave together, with the first whose time has come: what leaves together costs one waking of everybody
 * on its way, and not one for each.
 */
export class Departures {
  readonly #clock: Pick<Clock, "now_ms" | "setTimer">;
  readonly #waiting = new Set<() => void>();
  #due_ms = Number.POSITIVE_INFINITY;
  #cancelTimer = (): void => undefined;

  constructor(clock: Pick<Clock, "now_ms" | "setTimer">) {
    this.#clock = clock;
  }

  /** Calls `leave` at `due_ms` at the latest, with all others that wait then. Returns what takes it back. */
  at(due_ms: number, leave: () => void): () => void {
    this.#waiting.add(leave);
    if (due_ms < this.#due_ms) this.#arm(due_ms);
    return () => {
      if (this.#waiting.delete(leave) && this.#waiting.size === 0) this.#disarm();
    };
  }

  #arm(due_ms: number): void {
    this.#cancelTimer();
    this.#due_ms = due_ms;
    this.#cancelTimer = this.#clock.setTimer(due_ms - this.#clock.now_ms(), () => {
      this.#disarm();
      const leaving = [...this.#waiting];
      this.#waiting.clear();
      for (const leave of leaving) leave();
    });
  }

  #disarm(): void {
    this.#cancelTimer();
    this.#due_ms = Number.POSITIVE_INFINITY;
  }
}
