export interface BackoffOptions {
  readonly first_ms: number;
  readonly max_ms: number;
  /** Never less than this, however the dice fall. */
  readonly min_ms: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** Waits between attempts: doubling up to a ceiling, each drawn uniformly from the upper half of its span. */
export interface Backoff {
  next_ms(): number;
  /** The last attempt lived long enough to count as a success. */
  reset(): void;
}

export function createBackoff(options: BackoffOptions): Backoff {
  let span_ms = options.first_ms;
  return {
    next_ms() {
      const wait_ms = span_ms / 2 + (options.random() * span_ms) / 2;
      span_ms = Math.min(options.max_ms, span_ms * 2);
      return Math.max(options.min_ms, wait_ms);
    },
    reset() {
      span_ms = options.first_ms;
    },
  };
}
