export type { Logger } from "pino";
export { clientClassOf } from "./client-class.js";
export { createDecisionLog, type DecisionLog, type DecisionRecord } from "./decision-log.js";
export { createLogger } from "./logger.js";
export { createMetrics, type Metrics } from "./metrics.js";
export { type OutcomeClass, outcomeOfStatus } from "./outcome.js";
export {
  createRejections,
  type RefusalStage,
  type RejectedShape,
  type Rejection,
  type RejectionChances,
  type RejectionStore,
  type Rejections,
} from "./rejections.js";
