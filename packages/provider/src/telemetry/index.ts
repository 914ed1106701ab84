export { createDiskQueue } from "./disk-queue.js";
export { type LogReportLines, type ReportOutcome, readLogReport, sendLogReport } from "./log-report.js";
export { createTelemetry, NO_TELEMETRY, type Send, type Telemetry } from "./reporter.js";
