/** Waits and bounds of the connection to a coordinator (protocol.md §5.3, provider.md §2). */
export const SESSION_LIMITS = {
  /** Establishing the connection. */
  handshake_ms: 10_000,
  /** From `register` to `welcome` or a refusal. */
  welcome_ms: 30_000,
  ping_ms: 10_000,
  pong_ms_max: 30_000,
  /** What the coordinator asks for is kept within these. */
  heartbeat_ms_min: 250,
  heartbeat_ms_max: 60_000,
  reconnect_first_ms: 1000,
  reconnect_ms_max: 30_000,
  reconnect_ms_min: 500,
  /** A registration that lived this long resets the back-off. */
  healthy_ms: 60_000,
  /** Coordinators may ask for a pause after a refusal; a longer one is cut. */
  retryAfter_ms_max: 600_000,
  /** Evidence refused this often in a row will not be accepted later either. */
  attestationRefusals_max: 3,
  /** Where nobody says otherwise. */
  outbound: { bytes_max: 4 * 1024 * 1024, bytes_resumed: 1024 * 1024 },
  /** Beyond these nothing is read from the worker any more: it was told to wait and did not. */
  outbound_bytes_flooded: 64 * 1024 * 1024,
  /** A close that the coordinator does not answer is cut. */
  close_ms: 5000,
  /** Beyond the deadline that a departing coordinator gave, the connection is closed from this side. */
  goingAwayGrace_ms: 1000,
} as const;
