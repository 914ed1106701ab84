import { ApiError } from "@umbel/dialects";
import type { Clock } from "@umbel/protocol";

const RETRY_AFTER_s = 3;

/** Counts requests between admission and their end, and turns new ones away once draining has begun. Source: api.md §2. */
export interface InFlight {
  readonly count: number;
  /** @returns what to call, once, when the request has ended. @throws ApiError 429 while draining. */
  enter(): () => void;
  /** Closes the gate; resolves when nothing is in flight, or after `grace_ms` with the number that still is. */
  drain(grace_ms: number): Promise<{ readonly cut: number }>;
}

export function createInFlight(clock: Clock): InFlight {
  let count = 0;
  let draining = false;
  const empty = new Set<() => void>();

  return {
    get count() {
      return count;
    },
    enter() {
      if (draining) throw drainingRefusal();
      count += 1;
      let left = false;
      return () => {
        if (left) return;
        left = true;
        count -= 1;
        if (count === 0) for (const resolve of empty) resolve();
      };
    },
    drain(grace_ms) {
      draining = true;
      if (count === 0 || grace_ms === 0) return Promise.resolve({ cut: count });
      return new Promise((resolve) => {
        const cancel = clock.setTimer(grace_ms, finish);
        empty.add(finish);
        function finish(): void {
          cancel();
          empty.delete(finish);
          resolve({ cut: count });
        }
      });
    },
  };
}

/** What every new request hears while the coordinator finishes its work. */
export function drainingRefusal(): ApiError {
  return new ApiError({
    status: 429,
    code: "rate_limit_exceeded",
    message: `draining rate limit exceeded — retry after ${RETRY_AFTER_s}s`,
    retryAfter_s: RETRY_AFTER_s,
  });
}
