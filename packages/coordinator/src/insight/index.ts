export type { Logger } from "pino";
export { createDecisionLog, type DecisionLog, type DecisionRecord } from "./decision-log.js";
export { createLogger } from "./logger.js";
export { createMetrics, type Metrics } from "./metrics.js";
export { type OutcomeClass, outcomeOfStatus } from "./outcome.js";
