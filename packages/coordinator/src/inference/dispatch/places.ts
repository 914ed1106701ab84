import type { Clock } from "@umbel/protocol";
import { type Decision, type DispatchEffect, type HedgeBudget, isWorthWaiting, type RequestSpec } from "@umbel/routing";
import type { Attempt, Fleet, ReserveOutcome } from "../../fleet/index.js";
import type { DecisionRecorder, Metrics } from "../../insight/index.js";
import type { Waited, WaitQueues } from "./wait-queues.js";

export interface PlaceServices {
  readonly fleet: Pick<Fleet, "reserve" | "noticed">;
  readonly queues: Pick<WaitQueues, "reserve">;
  readonly hedges: HedgeBudget;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly decisions: DecisionRecorder;
}

export type PlaceFound =
  | { readonly attempt: Attempt }
  /** `waitable` tells that somebody would serve the request if less busy. */
  | { readonly attempt: undefined; readonly waitable: boolean };

const NO_PLACE: PlaceFound = { attempt: undefined, waitable: false };

type Reserve = Extract<DispatchEffect, { type: "reserve" }>;
type Asked = Pick<Reserve, "number" | "purpose">;

const FIRST: Asked = { number: 0, purpose: "first" };

/** Selects a machine and reserves a place on it, in one synchronous step, and notes the decision. */
export function findPlace(asked: Reserve, request: RequestSpec, services: PlaceServices): PlaceFound {
  const spec: RequestSpec = { ...request, excluded: asked.excluded, avoidVersion: asked.avoidVersion };
  switch (asked.purpose) {
    case "first": {
      // Undefined where others wait already: whoever came first goes first.
      const outcome = services.queues.reserve(spec);
      if (outcome?.ok === true) services.hedges.dispatched(spec.build, services.clock.now_ms());
      return outcome === undefined ? { attempt: undefined, waitable: true } : noted(outcome, spec, asked, services);
    }
    case "retry":
      return noted(services.fleet.reserve(spec), spec, asked, services);
    case "hedge":
      return hedged(spec, asked, services);
  }
}

/** Notes how a wait in line has ended. */
export function noteWaited(waited: Waited, spec: RequestSpec, services: PlaceServices): void {
  services.metrics.count("queue_waits_total", { outcome: waited.outcome });
  if (waited.outcome === "reserved") {
    services.hedges.dispatched(spec.build, services.clock.now_ms());
    note(waited.attempt.decision, spec, FIRST, services);
  } else if ("decision" in waited) note(waited.decision, spec, FIRST, services);
}

function hedged(spec: RequestSpec, asked: Asked, services: PlaceServices): PlaceFound {
  const { hedges, metrics, clock } = services;
  if (!hedges.take(spec.build, clock.now_ms())) {
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
  return { attempt: undefined, waitable: isWorthWaiting(outcome.decision) };
}

function note(decision: Decision, { requestId, build }: RequestSpec, asked: Asked, { clock, decisions }: PlaceServices): void {
  decisions.record({ requestId, attempt: asked.number, kind: asked.purpose, at: clock.date(), build, decision });
}
