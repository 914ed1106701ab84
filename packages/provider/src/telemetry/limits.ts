/** Limits of what a machine tells of itself. Source: provider.md §25. */
export const REPORTER_LIMITS = {
  /** Events that wait in memory; those that came first go to the disk when there are more. */
  waiting_max: 1_000,
  /** Of one request: events, and characters of all of them, which leaves room to the request's own limit. */
  batch_max: 50,
  batch_characters_max: 56_000,
  flush_ms: 10_000,
  answer_ms: 10_000,
  /** Wait after a request that may work later: at first, at most, and doubled each time. */
  retry_first_ms: 10_000,
  retry_ms_max: 10 * 60_000,
  /** Of events that wait on the disk; the older half goes when there are more. */
  disk_bytes_max: 5 * 1024 * 1024,
  /** How long a stop waits for what is still to be told. */
  close_ms: 3_000,
} as const;
