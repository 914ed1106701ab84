export type { Logger } from "pino";
export { clientClassOf } from "./client-class.js";
export {
  createDecisions,
  type DecisionArchive,
  type DecisionRecorder,
  type Decisions,
} from "./decisions/decision-log.js";
export type { DecisionStore, RowPlace } from "./decisions/ports.js";
export {
  type Attempted,
  DECISION_OUTCOMES,
  type DecisionEnd,
  ERROR_CLASSES,
  FINAL_STATUSES,
  type RequestFacts,
} from "./decisions/types.js";
export { createLogger } from "./logger.js";
export { createMetrics, type Metrics } from "./metrics.js";
export { type OutcomeClass, outcomeOfStatus } from "./outcome.js";
export {
  createRejections,
  REFUSAL_STAGES,
  type RefusalStage,
  type RejectedShape,
  type Rejection,
  type RejectionChances,
  type RejectionFilter,
  type RejectionLack,
  type RejectionStore,
  type Rejections,
  type StoredRejection,
} from "./rejections.js";
export { accountPseudonym } from "./statistics/account-pseudonym.js";
export { type EarningTotals, LEADER_METRICS, type StatisticsStore } from "./statistics/ports.js";
export { createServedPlaces, type ServedBetween, type ServedPlaces } from "./statistics/served-places.js";
export {
  compressed,
  createLogReports,
  type LogReport,
  type LogReportStore,
  type LogReports,
  machineOfToken,
} from "./telemetry/log-reports.js";
export { TELEMETRY_SOURCES, type TelemetrySender } from "./telemetry/read-event.js";
export {
  createTelemetry,
  type StoredTelemetry,
  type Telemetry,
  type TelemetryFilter,
  type TelemetryGroup,
  type TelemetryStore,
} from "./telemetry/telemetry.js";
export { watchThroughput } from "./throughput-watch.js";
