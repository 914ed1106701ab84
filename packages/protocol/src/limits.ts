/** Named limits of the wire between coordinator and provider (protocol.md §1, §1.1, §2). Sizes in bytes, waits in milliseconds. */
export const WIRE_LIMITS = {
  /** Largest control message (text frame) either side accepts. */
  controlMessage_bytes_max: 1024 * 1024,
  /** Largest frame a provider accepts: a 16 MiB request body plus the envelope's overhead. */
  frameToProvider_bytes_max: 32 * 1024 * 1024,
  /** Largest frame a coordinator accepts from a provider. */
  frameToCoordinator_bytes_max: 10 * 1024 * 1024,
  /** Largest plaintext request body, checked when read and again just before sealing. */
  requestBody_bytes_max: 16 * 1024 * 1024,
  /** Largest plaintext of one response chunk. */
  chunk_bytes_max: 1024 * 1024,
  /** Malformed frames tolerated in one window before the socket is closed with 1007. */
  malformedFrames_max: 20,
  malformedFrames_window_ms: 60_000,
  /** A socket that has not sent a valid `register` within this time is closed with 1008. */
  registrationTimeout_ms: 15_000,
  /** Largest JWS of a challenge answer or a receipt. */
  jws_bytes_max: 16 * 1024,
  /** Largest JWS of a registration: it names the weight hash of every advertised build. */
  registrationJws_bytes_max: 128 * 1024,
  advertisedModels_max: 256,
  slots_max: 64,
  /** Requests that one slot, or the machine beside its slots, names in a heartbeat; a machine with more names none. */
  namedRequests_max: 256,
  /** Reasons for which a machine may say at once that it takes no work. */
  restReasons_max: 16,
  /** Names in one `desired_models`. */
  desiredModels_max: 256,
  /** Builds that one `desired_models` says are not to be offered any more. */
  withdrawnModels_max: 256,
  /** Parts of a machine's program that one `runtime_status` says are not as they should be. */
  runtimeMismatches_max: 16,
  manifestFiles_max: 4096,
  /** Parts of one file that a manifest has hashes of, and the least of which they are. */
  manifestParts_max: 16_384,
  manifestPart_bytes_min: 1024 * 1024,
  /** Places that a manifest names to fetch a file from. */
  manifestOrigins_max: 8,
  /** Keys that may sign manifests at one time: the present one and those that it is being replaced by. */
  catalogKeys_max: 4,
} as const;

/**
 * Ceilings on what a provider says of itself, so that absurd numbers buy no traffic (protocol.md §4.6). Larger values are clamped, negative
 * ones become 0.
 */
export const SELF_REPORTED_MAX = {
  /** Of one stream. A model of a few million parameters makes over a thousand on one CPU core. */
  decode_tps: 10_000,
  prefill_tps: 200_000,
  memory_gb: 4096,
  memoryBandwidth_gbs: 10_000,
  concurrency: 256,
  requests: 1_000_000,
  active_tokens: 1_000_000,
  /** Also the ceiling of bytes per cached token. */
  tokenBudget_tokens: 10_000_000_000,
  modelLoad_ms: 3_600_000,
} as const;
