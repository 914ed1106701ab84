/**
 * A count that fades by itself: after one half-life without events half of it is left. It depends on elapsed time alone, so steady traffic
 * holds it where its rate says, and it falls as soon as traffic ends.
 */
export class FadingCount {
  readonly #halfLife_ms: number;
  #value = 0;
  #at_ms = 0;

  constructor(halfLife_ms: number) {
    this.#halfLife_ms = halfLife_ms;
  }

  add(now_ms: number): void {
    this.#value = this.at(now_ms) + 1;
    this.#at_ms = Math.max(now_ms, this.#at_ms);
  }

  at(now_ms: number): number {
    if (this.#value === 0) return 0;
    return this.#value * 2 ** (-Math.max(0, now_ms - this.#at_ms) / this.#halfLife_ms);
  }

  /** Events a second that would hold the count where it is. */
  rate_perSecond(now_ms: number): number {
    return (this.at(now_ms) * Math.LN2 * 1000) / this.#halfLife_ms;
  }
}
