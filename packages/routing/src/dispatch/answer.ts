import { type DispatchState, DONE, type Step } from "./state.js";
import type { DispatchEffect, DispatchEvent, SettleReason } from "./types.js";

type Answering = Extract<DispatchState, { stage: "answering" }>;
type Parking = Extract<DispatchState, { stage: "parking" }>;
type Draining = Extract<DispatchState, { stage: "draining" }>;

/**
 * An answer that the consumer has begun to see. It ends with the machine's account of it, or without: then what was relayed is due. When the
 * consumer leaves, the ledger is told before the machine, so that a crash in between loses no earning.
 */
export function reduceAnswer(state: Answering | Parking | Draining, event: DispatchEvent, now_ms: number): Step {
  if ("racer" in event && event.racer !== state.racer) return { state, effects: [] };
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
  const { input, racer } = state;
  switch (event.type) {
    case "content":
    case "preamble":
      return { state: { ...state, idleEnd_ms: now_ms + input.limits.idle_ms }, effects: [] };
    case "complete":
      return settled(racer, [], event.isAccountValid ? "provider" : "relayed", "complete");
    case "failed":
      return settled(racer, [], "relayed", "provider_lost", { type: "break_off", cause: "provider_lost" });
    case "overflow":
      return settled(racer, [{ type: "cancel", racer }], "relayed", "slow_consumer", { type: "break_off", cause: "slow_consumer" });
    case "fault":
      return settled(racer, [{ type: "cancel", racer }], "relayed", "provider_lost", { type: "break_off", cause: "fault" });
    case "tick":
      if (state.idleEnd_ms > now_ms) return { state, effects: [] };
      return settled(
        racer,
        [
          { type: "blame_timeout", racer },
          { type: "cancel", racer },
        ],
        "relayed",
        "timeout",
        { type: "break_off", cause: "timeout" },
      );
    case "client_gone":
      return { state: { stage: "parking", input, racer }, effects: [{ type: "park" }] };
    default:
      return { state, effects: [] };
  }
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
