export type { Figures, Point } from "./figures.js";
export { isPolicyName, POLICIES, type PolicyName } from "./policies.js";
export { parseScenario, SCENARIO_LIMITS, type Scenario, type TraceRow, traceRow } from "./scenario.js";
export { type PolicyRun, simulate } from "./simulate.js";
