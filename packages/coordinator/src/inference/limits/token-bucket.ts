/** How fast a bucket fills and how much it holds. */
export interface BucketRate {
  readonly perSecond: number;
  readonly burst: number;
}

/** Longest and shortest wait that a refusal tells. Source: api.md §5.2. */
const RETRY_AFTER_MAX_s = 60;

/** One token bucket. It begins full, and never holds more than its burst. */
export class TokenBucket {
  #rate: BucketRate;
  #tokens: number;
  #at_ms: number;

  constructor(rate: BucketRate, now_ms: number) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#at_ms = now_ms;
  }

  /** Of the last use. */
  get at_ms(): number {
    return this.#at_ms;
  }

  /** Whole tokens that are there. */
  get left(): number {
    return Math.max(0, Math.floor(this.#tokens));
  }

  /** Fills up to now, by another rate from now on; what is in it stays, as far as the new burst allows. */
  refill(rate: BucketRate, now_ms: number): void {
    const filled = this.#tokens + (Math.max(0, now_ms - this.#at_ms) / 1_000) * this.#rate.perSecond;
    this.#rate = rate;
    this.#tokens = Math.min(rate.burst, filled);
    this.#at_ms = now_ms;
  }

  /** What a charge takes: more than the burst is never asked, so that a large request is throttled and not refused for ever. */
  charge(amount: number): number {
    return Math.min(amount, this.#rate.burst);
  }

  holds(amount: number): boolean {
    return this.#tokens >= this.charge(amount);
  }

  take(amount: number): void {
    this.#tokens -= amount;
  }

  giveBack(amount: number): void {
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + amount);
  }

  /** Milliseconds until a charge fits, at most a minute. */
  wait_ms(amount: number): number {
    const wait_ms = ((this.charge(amount) - this.#tokens) / this.#rate.perSecond) * 1_000;
    return Math.min(RETRY_AFTER_MAX_s * 1_000, Math.max(1, Math.ceil(wait_ms)));
  }

  /** As the `x-ratelimit-*` headers of OpenAI's clients spell it. */
  headers(dimension: string): Record<string, string> {
    const { perSecond, burst } = this.#rate;
    return {
      [`x-ratelimit-limit-${dimension}`]: String(Math.round(perSecond * 60)),
      [`x-ratelimit-remaining-${dimension}`]: String(this.left),
      [`x-ratelimit-reset-${dimension}`]: `${Math.ceil((burst - this.#tokens) / perSecond)}s`,
    };
  }
}
