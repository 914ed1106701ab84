import type { Clock } from "@umbel/protocol";
import { type Decision, type DispatchEffect, type HedgeBudget, isWorthWaiting, type RequestSpec } from "@umbel/routing";
import type { Attempt, Fleet, ReserveOutcome } from "../../fleet/index.js";
import type { DecisionRecorder, Metrics } from "../../insight/index.js";
import type { Waited, WaitQueues } from "./wait-queues.js";

export interface PlaceServices {
  readonly fleet: Pick<Fleet, "reserve" | "noticed">;
  readonly queues: Pick<WaitQueues, "reserve" | "wait">;
  readonly hedges: HedgeBudget;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly decisions: DecisionRecorder;
}

export type PlaceFound =
  | { readonly attempt: Attempt }
  /** `waitable` tells that somebody would serve the request if less busy, `isTooSlow` that somebody would, and not begin soon enough. */
  | { readonly attempt: undefined; readonly waitable: boolean; readonly isTooSlow: boolean };

const NO_PLACE: PlaceFound = { attempt: undefined, waitable: false, isTooSlow: false };

type Reserve = Extract<DispatchEffect, { type: "reserve" }>;
type Enqueue = Extract<DispatchEffect, { type: "enqueue" }>;
type Asked = Pick<Reserve, "number" | "purpose">;

/** Selects a machine and reserves a place on it, in one synchronous step, and notes the decision. */
export function findPlace(asked: Reserve, request: RequestSpec, services: PlaceServices): PlaceFound {
  const spec = specOf(asked, request);
  switch (asked.purpose) {
    case "first": {
      // Undefined where others wait already: whoever came first goes first.
      const outcome = services.queues.reserve(spec);
      if (outcome?.ok === true) services.hedges.dispatched(spec.build, services.clock.now_ms());
      return outcome === undefined ? { attempt: undefined, waitable: true, isTooSlow: false } : noted(outcome, spec, asked, services);
    }
    case "retry":
      return noted(services.fleet.reserve(spec), spec, asked, services);
    case "hedge":
      return hedged(spec, asked, services);
  }
}

/** Waits in line for a place, and notes how that has ended. */
export async function waitForPlace(asked: Enqueue, request: RequestSpec, gone: AbortSignal, services: PlaceServices): Promise<Waited> {
  const spec = specOf(asked, request);
  const waited = await services.queues.wait(spec, gone, { deadline_ms: asked.until_ms, isRetry: asked.purpose === "retry" });
  services.metrics.count("queue_waits_total", { outcome: waited.outcome });
  if (waited.outcome === "reserved") {
    if (asked.purpose === "first") services.hedges.dispatched(spec.build, services.clock.now_ms());
    note(waited.attempt.decision, spec, asked, services);
  } else if ("decision" in waited) note(waited.decision, spec, asked, services);
  return waited;
}

function specOf({ excluded, avoidVersion }: Pick<Reserve, "excluded" | "avoidVersion">, request: RequestSpec): RequestSpec {
  return { ...request, excluded, avoidVersion };
}

function hedged(spec: RequestSpec, asked: Reserve, services: PlaceServices): PlaceFound {
  const { hedges, metrics, clock } = services;
  if (!hedges.take(spec.build, clock.now_ms(), asked.failures)) {
    metrics.count("hedges_total", { outcome: "over_budget" });
    return NO_PLACE;
  }
  const found = noted(services.fleet.reserve(spec), spec, asked, services);
  metrics.count("hedges_total", { outcome: found.attempt === undefined ? "nobody" : "started" });
  if (found.attempt !== undefined) services.fleet.noticed({ type: "hedge_started", build: spec.build });
  return found;
}

function noted(outcome: ReserveOutcome, spec: RequestSpec, asked: Asked, services: PlaceServices): PlaceFound {
  if (outcome.ok) {
    note(outcome.attempt.decision, spec, asked, services);
    return { attempt: outcome.attempt };
  }
  note(outcome.decision, spec, asked, services);
  return {
    attempt: undefined,
    waitable: isWorthWaiting(outcome.decision),
    isTooSlow: outcome.decision.refusals.ttft_ceiling !== undefined,
  };
}

function note(decision: Decision, { requestId, build }: RequestSpec, asked: Asked, { clock, decisions }: PlaceServices): void {
  decisions.record({ requestId, attempt: asked.number, kind: asked.purpose, at: clock.date(), build, decision });
}
