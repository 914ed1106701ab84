/** Requests that must have ended before the rate means anything. */
const ENDED_min = 3;
/** How many of the latest ends the average is taken over, about. */
const ENDS_REMEMBERED = 32;

/**
 * How fast places of a build become free. What is measured is how long a request keeps its place; the rate follows from how many are taken
 * (Little's law). So neither a quiet hour nor a half-empty fleet makes it look slow, and a crowd of long answers does while it lasts.
 */
export class DrainRate {
  #taken = 0;
  /** Both fade with every end: the latest ends, and the time that places were taken meanwhile. */
  #ends = 0;
  #taken_ms = 0;
  #counted = 0;
  #updated_ms = 0;

  /** Places taken now. */
  get taken(): number {
    return this.#taken;
  }

  placed(now_ms: number): void {
    this.#advance(now_ms);
    this.#taken += 1;
  }

  freed(now_ms: number): void {
    if (this.#taken === 0) return;
    this.#advance(now_ms);
    const kept = 1 - 1 / ENDS_REMEMBERED;
    this.#taken -= 1;
    this.#counted += 1;
    this.#ends = (this.#ends + 1) * kept;
    this.#taken_ms *= kept;
  }

  /** Places that become free each second while as many are taken as now; 0 is unknown. */
  perSecond(now_ms: number): number {
    this.#advance(now_ms);
    if (this.#counted < ENDED_min || this.#taken_ms <= 0) return 0;
    return (this.#ends * 1_000 * Math.max(1, this.#taken)) / this.#taken_ms;
  }

  #advance(now_ms: number): void {
    this.#taken_ms += this.#taken * Math.max(0, now_ms - this.#updated_ms);
    this.#updated_ms = Math.max(this.#updated_ms, now_ms);
  }
}
