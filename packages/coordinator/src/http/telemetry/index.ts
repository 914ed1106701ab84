export { logReportRoutes } from "./log-report-routes.js";
export { telemetryRoutes } from "./telemetry-routes.js";
export { eventList, groupList, reportList } from "./telemetry-schema.js";
