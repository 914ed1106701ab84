export { machineSums } from "./admission/machine-sums.js";
export { isResident } from "./admission/residency.js";
export { couldHold } from "./admission/structural-room.js";
export { AffinityTable, type PrefixMark } from "./affinity/affinity-table.js";
export { type AuditRecord, type EncodedDecision, encodeDecision } from "./audit/encode.js";
export { AUDIT_LIMITS } from "./audit/limits.js";
export { REPLAY_MISMATCHES, type Replay, replayDecision } from "./audit/replay.js";
export { RUNNERS_UP, runnersUp } from "./audit/runners-up.js";
export { COEFFICIENTS, type CostProfile, changedCostProfile, DEFAULT_COST_PROFILE, isCoefficient } from "./cost/profile.js";
export {
  ATTEMPTS_MAX,
  createHedgeBudget,
  type DispatchEffect,
  type DispatchEvent,
  type DispatchInput,
  type DispatchLimits,
  type DispatchState,
  type HedgeBudget,
  hedgeDelay_ms,
  type Place,
  type QueueRefusal,
  type RefusalCause,
  reduceDispatch,
  type SettleReason,
  type Step,
  startDispatch,
  wakeAt_ms,
} from "./dispatch/index.js";
export { explainDecision, explainProvider, explainRefusal, type ProviderExplanation } from "./explain.js";
export { createFleetIndex, type FleetIndex } from "./fleet-index/index.js";
export { firstRefusal, type ProfileName, type StandingProfileName } from "./gates/profiles.js";
export { type AttemptOutcome, HealthMemory, type JudgedWork, type MachineStanding } from "./health/health-memory.js";
export { type HealthRecord, shifted } from "./health/health-record.js";
export { ReleaseWatch } from "./health/release-watch.js";
export { type Placed, PlacedWork } from "./placed/placed-work.js";
export type { Verdict } from "./queue/fair-lane.js";
export { isWorthWaiting, waitingOutlook } from "./queue/outlook.js";
export { retryAfter_s } from "./queue/retry-after.js";
export { type Waiter, waitLimit } from "./queue/waiter.js";
export { type LineConditions, lineLimit, type Scope, WaitingLine } from "./queue/waiting-line.js";
export { seededRandom } from "./random.js";
export { createObservedRates, OBSERVED_RATES_LIMITS, type ObservedRates } from "./rates/observed-rates.js";
export { type AnomalyLimits, type MeasuredMachine, throughputAnomalies } from "./rates/throughput-anomalies.js";
export { type FailureClass, RETRIED_FAILURES, type RetryPolicy, retryPolicy } from "./retry-policy.js";
export { select } from "./select.js";
export * from "./types.js";
export { isVersionAtLeast } from "./versions.js";
export {
  providerViewFromRegister,
  type SessionIdentity,
  withChallengePassed,
  withChallengeRevoked,
  withDraining,
  withLoaded,
  withModels,
  withRuntime,
  withSuspectRelease,
  withTrust,
} from "./views.js";
export type { PendingLoad } from "./warm/load-ledger.js";
export {
  type BuildDemand,
  createWarmPlanner,
  type WarmCommand,
  type WarmEvent,
  type WarmPlan,
  type WarmPlanner,
} from "./warm/planner.js";
export { WARM_DEFAULTS, type WarmSettings } from "./warm/settings.js";
export type { WarmBuild, WarmFleet } from "./warm/survey.js";
