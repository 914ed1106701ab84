import { ApiError } from "@umbel/dialects";
import type { Clock } from "@umbel/protocol";
import { type Decision, isWorthWaiting, type RequestSpec } from "@umbel/routing";
import type { Attempt, Fleet } from "../../fleet/index.js";
import type { DecisionRecorder, Metrics } from "../../insight/index.js";
import { atCapacity } from "../admit/capacity-exists.js";
import type { RetryAfter } from "../retry-after.js";
import type { Stopwatch } from "../stopwatch.js";
import { ConsumerLeft, DispatchFailed } from "./failure.js";
import type { WaitQueues } from "./wait-queues.js";

export interface AcquireServices {
  readonly fleet: Pick<Fleet, "reserve">;
  readonly queues: WaitQueues;
  readonly retryAfter: RetryAfter;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly decisions: DecisionRecorder;
}

/** Why a request found no place, in the words that the consumer hears. */
const TURNED_AWAY = {
  full: "queue is full",
  too_long: "the queue is longer than the request may wait",
  timeout: "queue timeout",
  too_slow: "none would begin to answer in time",
} as const;

/** Whom a place is for. */
export interface Seeker {
  /** As the consumer wrote it. */
  readonly publicName: string;
  readonly gone: AbortSignal;
  readonly watch: Stopwatch;
}

/**
 * Reserves a place for a request's first attempt; where all are taken, it waits in line.
 *
 * @returns undefined when no machine would serve it even if idle, or none is left that would
 * @throws DispatchFailed when the line is full, the wait too long, or every machine too slow. @throws ConsumerLeft
 */
export async function acquireFirst(spec: RequestSpec, seeker: Seeker, services: AcquireServices): Promise<Attempt | undefined> {
  const stop = seeker.watch.start("route");
  const outcome = services.queues.reserve(spec);
  stop();
  if (outcome?.ok === true) return noted(outcome.attempt, spec, 0, services);
  if (outcome !== undefined) {
    note(outcome.decision, spec, 0, services);
    if (!isWorthWaiting(outcome.decision)) return undefined;
  }
  return waitInLine(spec, seeker, services);
}

/** Reserves a place for a further attempt, if there is one at once: only a first attempt may wait. */
export function acquireNext(spec: RequestSpec, number: number, seeker: Seeker, services: AcquireServices): Attempt | undefined {
  const stop = seeker.watch.start("route");
  const outcome = services.fleet.reserve(spec);
  stop();
  if (outcome.ok) return noted(outcome.attempt, spec, number, services);
  note(outcome.decision, spec, number, services);
  return undefined;
}

async function waitInLine(spec: RequestSpec, { publicName, gone, watch }: Seeker, services: AcquireServices): Promise<Attempt | undefined> {
  const stop = watch.start("queue");
  const waited = await services.queues.wait(spec, gone);
  stop();
  services.metrics.count("queue_waits_total", { outcome: waited.outcome });
  switch (waited.outcome) {
    case "reserved":
      return noted(waited.attempt, spec, 0, services);
    case "gone":
      throw new ConsumerLeft("the consumer left while waiting for capacity");
    case "nobody":
      note(waited.decision, spec, 0, services);
      return undefined;
    case "too_slow":
      note(waited.decision, spec, 0, services);
      throw new DispatchFailed(
        atCapacity(publicName, spec, TURNED_AWAY.too_slow, services.retryAfter.seconds(spec.build)),
        "queue_timeout",
      );
    case "deadline":
      throw new DispatchFailed(
        new ApiError({ status: 504, code: "timeout", message: "the request's deadline passed while it waited for capacity" }),
        "caller_deadline",
      );
    case "full":
    case "too_long":
    case "timeout":
      throw new DispatchFailed(
        atCapacity(publicName, spec, TURNED_AWAY[waited.outcome], services.retryAfter.seconds(spec.build)),
        "queue_timeout",
      );
  }
}

function noted(attempt: Attempt, spec: RequestSpec, number: number, services: AcquireServices): Attempt {
  note(attempt.decision, spec, number, services);
  return attempt;
}

function note(decision: Decision, { requestId, build }: RequestSpec, attempt: number, { clock, decisions }: AcquireServices): void {
  decisions.record({ requestId, attempt, at: clock.date(), build, decision });
}
