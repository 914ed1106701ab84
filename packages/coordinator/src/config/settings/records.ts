import { decimal, keptDays, wholeNumber } from "../forms.js";
import { setting } from "./setting.js";

/** What is kept of requests, of decisions and of what machines tell, and for how long. */
export const recordsSettings = {
  reservationRetention_days: setting(keptDays({ least: 30, most: 36_500 }), {
    env: "UMBEL_RESERVATION_RETENTION_DAYS",
    default: "90",
    about: "Days for which is kept how the money of each request came to its end, never longer than its usage; 0 is for ever.",
  }),
  // A key's cap may be by the month, and a month's requests have to be there.
  usageRetention_days: setting(keptDays({ least: 35, most: 36_500 }), {
    env: "UMBEL_USAGE_RETENTION_DAYS",
    default: "400",
    about: "Days for which single requests are kept; their sums by the day, the journal and earnings are for ever. 0 keeps all.",
  }),
  decisionRetention_days: setting(wholeNumber({ least: 1, most: 3_650 }), {
    env: "UMBEL_DECISION_RETENTION_DAYS",
    default: "30",
    about: "Days for which is kept why requests went where they went.",
  }),
  rejectionRetention_days: setting(wholeNumber({ least: 1, most: 3_650 }), {
    env: "UMBEL_REJECTION_RETENTION_DAYS",
    default: "30",
    about: "Days for which is kept why requests were refused.",
  }),
  telemetryRetention_days: setting(wholeNumber({ least: 0, most: 3_650 }), {
    env: "UMBEL_TELEMETRY_RETENTION_DAYS",
    default: "14",
    about: "Days for which is kept what machines and consoles tell of themselves; 0 counts it and keeps nothing.",
  }),
  logReportRetention_days: setting(wholeNumber({ least: 1, most: 3_650 }), {
    env: "UMBEL_LOG_REPORT_RETENTION_DAYS",
    default: "30",
    about: "Days for which logs are kept that owners of machines send.",
  }),
  machineSessionRetention_days: setting(wholeNumber({ least: 1, most: 3_650 }), {
    env: "UMBEL_MACHINE_SESSION_RETENTION_DAYS",
    default: "400",
    about: "Days for which is kept when machines were connected, from each end on.",
  }),
  decisionSample: setting(decimal({ least: 0, most: 1 }), {
    env: "UMBEL_DECISION_SAMPLE",
    default: "0.1",
    about:
      "Share of decisions that are kept with the machines that were not chosen, where more than 16 offer the build; those that failed always are.",
  }),
} as const;
