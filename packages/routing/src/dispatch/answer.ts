import type { FailureClass } from "../retry-policy.js";
import { mayRetry, renewed, reserving, sentAway, withFailure, withTryLost } from "./search.js";
import { type DispatchState, DONE, type Racer, type Step } from "./state.js";
import type { DispatchEffect, DispatchEvent, RefusalCause, SettleReason } from "./types.js";

type Answering = Extract<DispatchState, { stage: "answering" }>;
type Parking = Extract<DispatchState, { stage: "parking" }>;
type Draining = Extract<DispatchState, { stage: "draining" }>;

/**
 * An answer that has begun. It ends with the machine's account of it, or without: then what was relayed is due. When the
 * consumer leaves, the ledger is told before the machine, so that a crash in between loses no earning.
 */
export function reduceAnswer(state: Answering | Parking | Draining, event: DispatchEvent, now_ms: number): Step {
  const racer = state.stage === "answering" ? state.racer.number : state.racer;
  if ("racer" in event && event.racer !== racer) return { state, effects: [] };
  switch (state.stage) {
    case "answering":
      return reduceAnswering(state, event, now_ms);
    case "parking":
      return reduceParking(state, event, now_ms);
    case "draining":
      return reduceDraining(state, event, now_ms);
  }
}

function reduceAnswering(state: Answering, event: DispatchEvent, now_ms: number): Step {
  const { input } = state.search;
  const racer = state.racer.number;
  switch (event.type) {
    case "content":
    case "preamble":
      return { state: { ...state, idleEnd_ms: now_ms + input.limits.idle_ms }, effects: [] };
    case "complete":
      return settled(racer, [], event.isAccountValid ? "provider" : "relayed", "complete");
    case "failed":
      if (input.isWhole) return startedOver(state, event.failure, now_ms);
      return settled(racer, [], "relayed", "provider_lost", { type: "break_off", cause: "provider_lost" });
    case "overflow":
      return settled(racer, [{ type: "cancel", racer }], "relayed", "slow_consumer", { type: "break_off", cause: "slow_consumer" });
    case "fault":
      if (input.isWhole) return discarded(state.racer, { type: "fault" });
      return settled(racer, [{ type: "cancel", racer }], "relayed", "provider_lost", { type: "break_off", cause: "fault" });
    case "tick":
      return state.idleEnd_ms > now_ms ? { state, effects: [] } : silent(state, now_ms);
    case "client_gone":
      return { state: { stage: "parking", input, racer }, effects: [{ type: "park" }] };
    default:
      return { state, effects: [] };
  }
}

function silent(state: Answering, now_ms: number): Step {
  const racer = state.racer.number;
  const blame: DispatchEffect = { type: "blame_timeout", racer };
  if (state.search.input.isWhole) {
    const { state: next, effects } = startedOver(state, "timeout", now_ms);
    return { state: next, effects: [blame, ...effects] };
  }
  return settled(racer, [blame, { type: "cancel", racer }], "relayed", "timeout", { type: "break_off", cause: "timeout" });
}

/** Another machine in the place of one that is lost in mid-answer, while nobody has seen any of it; or, if no more may be tried, nothing. */
function startedOver({ search: before, racer }: Answering, failure: FailureClass, now_ms: number): Step {
  const search = renewed(withTryLost(withFailure(before, racer, failure, now_ms), failure), now_ms);
  if (!mayRetry(search, now_ms)) {
    return discarded(racer, { type: "exhausted", racer: racer.number, failure, failures: search.failures });
  }
  return {
    state: { stage: "selecting", search, racers: [], isHedge: false },
    effects: [{ type: "restart" }, ...sentAway(racer), reserving(search, "retry", [])],
  };
}

/** Nobody has seen any of it, so nothing is due. */
function discarded(racer: Racer, cause: RefusalCause): Step {
  return { state: DONE, effects: [{ type: "restart" }, ...sentAway(racer), { type: "refuse", cause }] };
}

function reduceParking(state: Parking, event: DispatchEvent, now_ms: number): Step {
  const { input, racer } = state;
  if (event.type === "parked") {
    return { state: { stage: "draining", racer, graceEnd_ms: now_ms + input.limits.grace_ms }, effects: [{ type: "cancel", racer }] };
  }
  return afterLeaving(state, event);
}

function reduceDraining(state: Draining, event: DispatchEvent, now_ms: number): Step {
  if (event.type === "tick" && state.graceEnd_ms <= now_ms) return settled(state.racer, [], "relayed", "no_terminal_after_cancel");
  return afterLeaving(state, event);
}

/** Nobody reads any more; only the end counts. */
function afterLeaving(state: Parking | Draining, event: DispatchEvent): Step {
  const { racer } = state;
  switch (event.type) {
    case "complete":
      return settled(racer, [], event.isAccountValid ? "provider" : "relayed", "cancelled");
    case "failed":
      return settled(racer, [], "relayed", event.failure === "cancelled" ? "cancelled" : "provider_lost");
    case "overflow":
      return settled(racer, [], "relayed", "slow_consumer");
    case "fault":
      return settled(racer, [{ type: "cancel", racer }], "relayed", "no_terminal_after_cancel");
    default:
      return { state, effects: [] };
  }
}

function settled(
  racer: number,
  before: readonly DispatchEffect[],
  account: "provider" | "relayed",
  reason: SettleReason,
  ...after: readonly DispatchEffect[]
): Step {
  return { state: DONE, effects: [...before, { type: "release", racer }, { type: "settle", racer, account, reason }, ...after] };
}
