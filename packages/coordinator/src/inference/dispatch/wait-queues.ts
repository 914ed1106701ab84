import type { Clock } from "@umbel/protocol";
import {
  type Decision,
  type LineConditions,
  lineLimit,
  type RequestSpec,
  type Scope,
  type Verdict,
  type Waiter,
  WaitingLine,
  waitingOutlook,
  waitLimit,
} from "@umbel/routing";
import type { Attempt, Fleet, ReserveOutcome } from "../../fleet/index.js";

export type Waited =
  | { readonly outcome: "reserved"; readonly attempt: Attempt }
  /** Turned away at once: the line is full, or one's turn would come too late. */
  | { readonly outcome: "full" | "too_long" }
  /** The line's patience ended, the caller's own deadline passed, nobody can begin soon enough any more, or the caller left. */
  | { readonly outcome: "timeout" | "deadline" | "too_slow" | "gone" }
  /** No machine is left that could serve it, or none that is fast enough. */
  | { readonly outcome: "nobody" | "too_slow"; readonly decision: Decision };

/** Lines of requests that wait for capacity, one a build; who goes first is `WaitingLine`'s to say. Source: routing.md §8. */
export interface WaitQueues {
  depth(build: string): number;
  /** Whether a request like this would be turned away for the length of the line. */
  isFull(spec: Pick<RequestSpec, "build" | "route" | "accountId">): boolean;
  /** Length at which the line is full. */
  limit(build: string): number;
  /** Reserves unless others wait already: whoever came first goes first. */
  reserve(spec: RequestSpec): ReserveOutcome | undefined;
  /**
   * Joins the line. A reservation is handed over in the same step that takes the request out of the line, so none is ever lost.
   *
   * @param options `deadline_ms`: monotonic instant after which the caller has no use for an answer, or no attempt may begin; absent is never.
   *   `isRetry`: a machine has failed it, so that it goes before those that had none
   */
  wait(spec: RequestSpec, gone: AbortSignal, options?: { readonly deadline_ms?: number; readonly isRetry?: boolean }): Promise<Waited>;
  /** Whoever is in line has `LAST_CALL_MS` from now on to get a place, and a time-out then; until it is called off. */
  lastCall(isOn: boolean): void;
  /** Builds may have left the catalogue: whoever waits for one that has is turned away at once. */
  dismiss(isGone: (build: string) => boolean): void;
  /** Resolves when nobody is in line. */
  nobodyWaits(): Promise<void>;
}

/** How long requests in line may still wait for a place once nothing new is taken. Source: routing.md §16. */
export const LAST_CALL_MS = 5_000;

export interface QueueLimits {
  /** Least length of a line at which it is full; a build with many places has a longer one. */
  readonly queueSize: number;
  /** Of single builds, exactly, however many places they have. */
  readonly queueSizes?: ReadonlyMap<string, number>;
  readonly queueWait_ms: number;
  /** Of single builds. */
  readonly queueWaits_ms?: ReadonlyMap<string, number>;
}

interface Waiting extends Waiter {
  readonly since_ms: number;
  /** Ends the wait; called by whoever has taken the waiter out of the line. */
  readonly finish: (waited: Waited) => void;
}

interface Line {
  readonly waiting: WaitingLine<Waiting>;
  readonly unsubscribe: () => void;
  pumping: boolean;
}

export function createWaitQueues(
  fleet: Pick<Fleet, "reserve" | "onCapacity" | "capacity" | "rates" | "noticed">,
  clock: Clock,
  limits: QueueLimits,
): WaitQueues {
  const lines = new Map<string, Line>();
  /** Of all lines: each takes its waiter out, if that is still in; with the build that it waits for. */
  const leaves = new Map<(waited: Waited) => void, string>();
  const onEmpty = new Set<() => void>();
  let lastCall: { readonly until_ms: number; readonly cancel: () => void } | undefined;

  /** Read only when asked for: counting places looks at every machine. */
  const conditionsOf = (build: string): LineConditions => ({
    waiters_min: limits.queueSizes?.get(build) ?? limits.queueSize,
    get places() {
      // Where the operator has said how long the line is, places make it no longer.
      return limits.queueSizes?.has(build) === true ? 0 : fleet.capacity(build).places;
    },
    get drain_perSecond() {
      return fleet.rates.drain_perSecond(build, clock.now_ms());
    },
  });

  function lineOf(build: string): Line {
    const known = lines.get(build);
    if (known !== undefined) return known;
    const line: Line = { waiting: new WaitingLine(), pumping: false, unsubscribe: fleet.onCapacity(build, () => pumpSoon(line)) };
    lines.set(build, line);
    return line;
  }

  /** Later, because the call may come from inside the fleet's own change; once, however many changes there were. */
  function pumpSoon(line: Line): void {
    if (line.pumping) return;
    line.pumping = true;
    queueMicrotask(() => {
      line.pumping = false;
      line.waiting.offer(serve);
    });
  }

  function serve(waiter: Waiting, scope: Scope): Verdict {
    const { spec, finish } = waiter;
    const outcome = fleet.reserve(scoped(withinCeiling(waiter, clock.now_ms()), scope));
    if (outcome.ok) {
      finish({ outcome: "reserved", attempt: outcome.attempt });
      return "served";
    }
    const outlook = waitingOutlook(outcome.decision, spec);
    if (outlook === "wait" || (scope === "own" && spec.route === "prefer")) return "unserved";
    finish({ outcome: outlook, decision: outcome.decision });
    return "hopeless";
  }

  return {
    depth: (build) => lines.get(build)?.waiting.size ?? 0,
    isFull: (spec) => (lines.get(spec.build)?.waiting ?? new WaitingLine()).isFullFor(spec, conditionsOf(spec.build)),
    limit: (build) => lineLimit(conditionsOf(build)),
    reserve(spec) {
      const waiting = lines.get(spec.build)?.waiting;
      if (waiting === undefined || waiting.size === 0 || (spec.route === "self" && waiting.isOwnLaneFree(spec.accountId)))
        return fleet.reserve(spec);
      if (spec.route !== "prefer") return undefined;
      // Others wait for any machine; the caller's own are the caller's.
      const own = fleet.reserve(scoped(spec, "own"));
      return own.ok ? own : undefined;
    },
    wait(spec, gone, { deadline_ms, isRetry = false } = {}) {
      const now_ms = clock.now_ms();
      const begin_ms = isRetry ? Number.POSITIVE_INFINITY : now_ms + (spec.ttftCeiling_ms ?? Number.POSITIVE_INFINITY);
      const queueWait_ms = limits.queueWaits_ms?.get(spec.build) ?? limits.queueWait_ms;
      const patience_ms = Math.max(0, Math.min(queueWait_ms, (lastCall?.until_ms ?? Number.POSITIVE_INFINITY) - now_ms));
      const { at_ms, limit } = waitLimit(now_ms, patience_ms, Math.min(begin_ms, deadline_ms ?? Number.POSITIVE_INFINITY));
      const line = lineOf(spec.build);
      return new Promise((resolve) => {
        const waiter: Waiting = { spec, deadline_ms: at_ms, isRetry, since_ms: now_ms, finish };
        const cancelTimer = clock.setTimer(at_ms - now_ms, () => leave({ outcome: at_ms === begin_ms ? "too_slow" : limit }));
        const onGone = (): void => leave({ outcome: "gone" });
        gone.addEventListener("abort", onGone);
        const joined = gone.aborted ? { outcome: "gone" as const } : line.waiting.join(waiter, now_ms, conditionsOf(spec.build));
        if (joined.outcome !== "joined") {
          finish({ outcome: joined.outcome });
          return;
        }
        leaves.set(leave, spec.build);
        joined.displaced?.finish({ outcome: "full" });
        notice(spec.build, line);
        // Capacity may be there for this one although those before it still wait for something else.
        pumpSoon(line);

        /** Whoever takes the waiter out of the line ends its wait: so a place that is handed over just then is not lost. */
        function leave(waited: Waited): void {
          if (line.waiting.leave(waiter)) finish(waited);
        }
        function finish(waited: Waited): void {
          cancelTimer();
          gone.removeEventListener("abort", onGone);
          leaves.delete(leave);
          if (leaves.size === 0) for (const settle of onEmpty) settle();
          resolve(waited);
          notice(spec.build, line);
          queueMicrotask(() => closeIfEmpty(spec.build, line));
        }
      });
    },
    lastCall(isOn) {
      if (isOn === (lastCall !== undefined)) return;
      lastCall?.cancel();
      lastCall = undefined;
      if (!isOn) return;
      const end = (): void => {
        for (const leave of [...leaves.keys()]) leave({ outcome: "timeout" });
      };
      lastCall = { until_ms: clock.now_ms() + LAST_CALL_MS, cancel: clock.setTimer(LAST_CALL_MS, end) };
    },
    dismiss(isGone) {
      for (const [leave, build] of [...leaves]) if (isGone(build)) leave({ outcome: "timeout" });
    },
    nobodyWaits() {
      if (leaves.size === 0) return Promise.resolve();
      return new Promise((resolve) => {
        onEmpty.add(settle);
        function settle(): void {
          onEmpty.delete(settle);
          resolve();
        }
      });
    },
  };

  /** A line is what a build with too few copies in memory looks like. */
  function notice(build: string, line: Line): void {
    fleet.noticed({ type: "queue", build, depth: line.waiting.size });
  }

  function closeIfEmpty(build: string, line: Line): void {
    if (line.waiting.size > 0 || lines.get(build) !== line) return;
    line.unsubscribe();
    lines.delete(build);
  }
}

/** Time spent in line counts as time to the first token. One whose machine has failed is late already; it is to be served all the same. */
function withinCeiling({ spec, isRetry, since_ms }: Waiting, now_ms: number): RequestSpec {
  if (isRetry || spec.ttftCeiling_ms === undefined) return spec;
  return { ...spec, ttftCeiling_ms: Math.max(0, spec.ttftCeiling_ms - (now_ms - since_ms)) };
}

function scoped(spec: RequestSpec, scope: Scope): RequestSpec {
  return scope === "own" && spec.route === "prefer" ? { ...spec, route: "self" } : spec;
}
