export { createHedgeBudget, type HedgeBudget, hedgeDelay_ms } from "./hedge.js";
export { reduceDispatch, startDispatch } from "./reduce.js";
export { ATTEMPTS_MAX } from "./search.js";
export { type DispatchState, type Step, wakeAt_ms } from "./state.js";
export type {
  DispatchEffect,
  DispatchEvent,
  DispatchInput,
  DispatchLimits,
  Place,
  QueueRefusal,
  RefusalCause,
  SettleReason,
} from "./types.js";
