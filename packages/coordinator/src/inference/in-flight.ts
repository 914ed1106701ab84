import { ApiError } from "@umbel/dialects";
import type { Clock } from "@umbel/protocol";

const RETRY_AFTER_s = 3;

/** Counts requests between their coming and their end, and turns new ones away once draining has begun. Source: api.md §2. */
export interface InFlight {
  readonly count: number;
  /** Counts a request until all who hold it have left. @throws ApiError 429 while draining. */
  enter(): Visit;
  /** Closes the gate; resolves when nothing is in flight, or after `grace_ms` with the number that still is. */
  drain(grace_ms: number): Promise<{ readonly cut: number }>;
}

/** A request that is counted, once, however many hold it. */
export interface Visit {
  /** Holds it, too, until the returned function is called. If it was over, it begins anew. @throws ApiError 429 if that is while draining. */
  stay(): () => void;
  leave(): void;
}

export function createInFlight(clock: Clock): InFlight {
  let count = 0;
  let draining = false;
  const empty = new Set<() => void>();

  function createVisit(): Visit {
    let holders = 0;
    function stay(): () => void {
      if (holders === 0) {
        if (draining) throw drainingRefusal();
        count += 1;
      }
      holders += 1;
      let left = false;
      return () => {
        if (left) return;
        left = true;
        holders -= 1;
        if (holders === 0) count -= 1;
        if (count === 0) for (const resolve of empty) resolve();
      };
    }
    return { stay, leave: stay() };
  }

  return {
    get count() {
      return count;
    },
    enter: createVisit,
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
