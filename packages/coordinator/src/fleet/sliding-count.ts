/** Counts events of the last `window_ms` and says when there were more than `max`. Holds at most `max` instants. */
export class SlidingCount {
  readonly #max: number;
  readonly #window_ms: number;
  /** Oldest first. */
  readonly #instants_ms: number[] = [];

  constructor(max: number, window_ms: number) {
    this.#max = max;
    this.#window_ms = window_ms;
  }

  /** Counts one event, unless that would exceed the maximum: then it returns false and the event is not counted. */
  take(now_ms: number): boolean {
    this.#forget(now_ms);
    if (this.#instants_ms.length >= this.#max) return false;
    this.#instants_ms.push(now_ms);
    return true;
  }

  /** Time until `take` succeeds again; 0 if it would now. */
  wait_ms(now_ms: number): number {
    this.#forget(now_ms);
    const [oldest_ms] = this.#instants_ms;
    return oldest_ms === undefined || this.#instants_ms.length < this.#max ? 0 : oldest_ms + this.#window_ms - now_ms;
  }

  isEmpty(now_ms: number): boolean {
    this.#forget(now_ms);
    return this.#instants_ms.length === 0;
  }

  #forget(now_ms: number): void {
    const kept = this.#instants_ms.findIndex((instant_ms) => instant_ms > now_ms - this.#window_ms);
    this.#instants_ms.splice(0, kept === -1 ? this.#instants_ms.length : kept);
  }
}
