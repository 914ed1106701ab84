/** Bounds of the conversation between `umbel provider` commands and the provider that runs on the same home. */
export const CONTROL_LIMITS = {
  /** Longest question or answer, as a line of JSON. */
  line_bytes_max: 1024 * 1024,
  connections_max: 16,
  /** Until an asker has asked, and until it has its answer; stopping a provider answers before the provider has stopped. */
  answer_ms: 10_000,
  /** A path to a socket is at most this long on every system (sun_path of macOS holds 104 bytes with the final zero). */
  path_bytes_max: 100,
  /** Somebody who takes over a dead provider's socket needs milliseconds; one who was killed meanwhile left this behind. */
  takeover_age_ms_max: 10_000,
} as const;
