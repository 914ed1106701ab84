import type { Clock } from "@umbel/protocol";
import type { Decision, RequestSpec } from "@umbel/routing";
import type { Attempt, Fleet } from "../../fleet/index.js";
import type { DecisionLog, Metrics } from "../../insight/index.js";
import { atCapacity, isWorthWaiting } from "../admit/capacity-exists.js";
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
  readonly decisions: DecisionLog;
}

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
 * @returns undefined when no machine would serve it even if idle
 * @throws DispatchFailed when the line is full or the wait too long. @throws ConsumerLeft
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

async function waitInLine(spec: RequestSpec, { publicName, gone, watch }: Seeker, services: AcquireServices): Promise<Attempt> {
  const stop = watch.start("queue");
  const waited = await services.queues.wait(spec, gone);
  stop();
  services.metrics.count("queue_waits_total", { outcome: waited.outcome });
  switch (waited.outcome) {
    case "reserved":
      return noted(waited.attempt, spec, 0, services);
    case "gone":
      throw new ConsumerLeft("the consumer left while waiting for capacity");
    case "full":
    case "timeout": {
      const detail = waited.outcome === "full" ? "queue is full" : "queue timeout";
      throw new DispatchFailed(atCapacity(publicName, spec, detail, services.retryAfter.seconds(spec.build)), "queue_timeout");
    }
  }
}

function noted(attempt: Attempt, spec: RequestSpec, number: number, services: AcquireServices): Attempt {
  note(attempt.decision, spec, number, services);
  return attempt;
}

function note(decision: Decision, { requestId, build }: RequestSpec, attempt: number, { clock, decisions }: AcquireServices): void {
  decisions.record({ requestId, attempt, at: clock.date(), build, decision });
}
