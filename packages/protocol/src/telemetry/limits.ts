/** Limits of telemetry events and log reports, on both ends. Source: ops.md §2.1, §2.2; provider.md §25. */
export const TELEMETRY_LIMITS = {
  /** Of one request that brings events. */
  body_bytes_max: 64 * 1024,
  /** Events of one request. */
  events_max: 100,
  /** Frames of a stack, and characters of all of them. */
  frames_max: 40,
  stack_characters_max: 8_000,
  /** An event of another time than between these was made by a clock that is wrong. */
  past_ms_max: 7 * 24 * 3_600_000,
  future_ms_max: 5 * 60_000,
  /** Lines of a log report, and the same as it is sent. */
  report_bytes_max: 10 * 1024 * 1024,
} as const;
