/** Bounds of what is remembered of prompts on the disk. */
export const PREFIX_CACHE_LIMITS = {
  /** Shorter beginnings are computed anew about as fast as they are fetched. */
  tokens_min: 256,
  /** The state of one prompt; while it comes or goes it is in memory once more. */
  state_bytes_max: 512 * 2 ** 20,
  /** Of all models and scopes. */
  entries_max: 4096,
  /** What was not used for so long is forgotten. */
  unused_ms_max: 60 * 60_000,
  /** How often that is looked for. */
  sweep_ms: 60_000,
  /** What is encrypted and written at a time; the event loop is held up for as long as encrypting it takes. */
  chunk_bytes: 2 ** 20,
} as const;
