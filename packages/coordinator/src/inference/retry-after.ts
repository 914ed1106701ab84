const LEAST_s = 2;
const PER_WAITER_s = 3;
const MOST_s = 30;

/** When a request refused for want of capacity may come again, from how many wait already. Source: api.md §10.5. */
export interface RetryAfter {
  /** Whole seconds. */
  seconds(build: string): number;
}

export function createRetryAfter(depth: (build: string) => number): RetryAfter {
  return {
    seconds(build) {
      const waiting = depth(build);
      return waiting === 0 ? LEAST_s : Math.min(MOST_s, Math.max(LEAST_s, PER_WAITER_s * waiting));
    },
  };
}
