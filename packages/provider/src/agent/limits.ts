/** Waits of the agent around its worker. */
export const AGENT_LIMITS = {
  restart_first_ms: 1000,
  restart_ms_max: 30_000,
  restart_ms_min: 500,
  /** A worker that was ready this long resets the back-off. */
  healthy_ms: 60_000,
  /** A worker reports every second; one that is silent for this long is stuck and is replaced. */
  workerSilence_ms: 30_000,
  /** A look that comes so much later says that this machine slept, and not that the worker was silent. */
  workerSilenceLate_ms_max: 5_000,
  /** How often the clocks are compared, and how much one must have gone on meanwhile for the machine to have slept. */
  wakeLook_ms: 2_000,
  sleep_ms_min: 30_000,
  /** After the coordinator has ceased to trust a machine whose owner lets its log go, until it is sent. Source: protocol.md §13. */
  autoReport_ms: 10 * 60_000,
  /** How far back such a log goes. */
  autoReportSpan_ms: 24 * 3_600_000,
  /** Between asking a worker to leave and ending it. */
  workerLeave_ms: 3000,
  /** A signature takes milliseconds; the coordinator waits thirty seconds for it. */
  signature_ms: 20_000,
  /** Cutting the longest text into tokens, behind a step that is being computed. */
  textWork_ms: 20_000,
  /** After cancelling what is left at the end of a drain, for the terminals to leave. */
  cancelled_ms: 2000,
  /** For a download to leave its files in order when the provider stops. */
  fetchStopped_ms: 10_000,
} as const;
