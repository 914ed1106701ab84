import type { Clock } from "@umbel/protocol";
import type { RequestSpec } from "@umbel/routing";
import type { Attempt, Fleet, ReserveOutcome } from "../../fleet/index.js";

export type Waited = { readonly outcome: "reserved"; readonly attempt: Attempt } | { readonly outcome: "full" | "timeout" | "gone" };

/**
 * Lines of requests that wait for capacity, one a build, first come first served. A request that no free machine suits does not hold up
 * those behind it. Source: routing.md §8.
 */
export interface WaitQueues {
  depth(build: string): number;
  isFull(build: string): boolean;
  /** Length at which the line is full. */
  limit(build: string): number;
  /** Reserves unless others wait already: whoever came first goes first. */
  reserve(spec: RequestSpec): ReserveOutcome | undefined;
  /** Joins the line. A reservation is handed over in the same step that takes the request out of the line, so none is ever lost. */
  wait(spec: RequestSpec, gone: AbortSignal): Promise<Waited>;
}

export interface QueueLimits {
  /** Least length of a line at which it is full; a build with many places has a longer one. */
  readonly queueSize: number;
  readonly queueWait_ms: number;
}

interface Waiter {
  readonly spec: RequestSpec;
  readonly finish: (waited: Waited) => void;
}

interface Line {
  readonly waiters: Set<Waiter>;
  readonly unsubscribe: () => void;
  pumping: boolean;
}

/** A line may be so many times as long as the build has places: with more, those at its end would wait for several turns. Source: routing.md §8. */
const WAITERS_PER_PLACE = 2;

export function createWaitQueues(fleet: Pick<Fleet, "reserve" | "onCapacity" | "capacity">, clock: Clock, limits: QueueLimits): WaitQueues {
  const lines = new Map<string, Line>();

  const depth = (build: string): number => lines.get(build)?.waiters.size ?? 0;
  const limit = (build: string): number => Math.max(limits.queueSize, WAITERS_PER_PLACE * fleet.capacity(build).places);
  const isFull = (build: string): boolean => {
    const waiting = depth(build);
    return waiting >= limits.queueSize && waiting >= limit(build);
  };

  function lineOf(build: string): Line {
    const known = lines.get(build);
    if (known !== undefined) return known;
    const line: Line = { waiters: new Set(), pumping: false, unsubscribe: fleet.onCapacity(build, () => pumpSoon(line)) };
    lines.set(build, line);
    return line;
  }

  /** Later, because the call may come from inside the fleet's own change; once, however many changes there were. */
  function pumpSoon(line: Line): void {
    if (line.pumping) return;
    line.pumping = true;
    queueMicrotask(() => {
      line.pumping = false;
      for (const waiter of [...line.waiters]) {
        const outcome = line.waiters.has(waiter) ? fleet.reserve(waiter.spec) : undefined;
        if (outcome?.ok === true) waiter.finish({ outcome: "reserved", attempt: outcome.attempt });
      }
    });
  }

  return {
    depth,
    isFull,
    limit,
    reserve: (spec) => (depth(spec.build) > 0 ? undefined : fleet.reserve(spec)),
    wait(spec, gone) {
      if (isFull(spec.build)) return Promise.resolve({ outcome: "full" });
      const line = lineOf(spec.build);
      return new Promise((resolve) => {
        const waiter: Waiter = { spec, finish };
        const cancelTimer = clock.setTimer(limits.queueWait_ms, () => finish({ outcome: "timeout" }));
        const onGone = (): void => finish({ outcome: "gone" });
        gone.addEventListener("abort", onGone);
        line.waiters.add(waiter);
        // Capacity may be there for this one although those before it still wait for something else.
        pumpSoon(line);

        function finish(waited: Waited): void {
          line.waiters.delete(waiter);
          cancelTimer();
          gone.removeEventListener("abort", onGone);
          if (line.waiters.size === 0) {
            line.unsubscribe();
            lines.delete(spec.build);
          }
          resolve(waited);
        }
        if (gone.aborted) onGone();
      });
    },
  };
}
