import { WIRE_LIMITS } from "@umbel/protocol";

/** Authentication tag at the end of a sealed body. */
const tag_bytes = 16;

/** Bounds and waits inside the worker. */
export const WORKER_LIMITS = {
  /** Requests under way at once, waiting ones included; a further one is refused as `capacity_queue`. */
  requests_max: 1024,
  /** From the control message to its sealed body. */
  bodyWait_ms: 30_000,
  /** Sealed body of the largest permitted request. */
  sealedBody_bytes_max: WIRE_LIMITS.requestBody_bytes_max + tag_bytes,
  /** Events that go into one chunk at most. */
  chunkEvents_max: 256,
  /** A chunk waits at most so long after the one before: one picture of a display. Sealing and sending cost as much for one token as for several. */
  chunkGap_ms: 16,
  /** The agent hears of the load at least this often, and after a change at most this often. */
  state_ms: 1000,
  stateAfterChange_ms: 50,
  /** A request that waits for its model is told so often how the load goes. */
  loadReport_ms: 1000,
  /** Models in memory at once, unless the operator says less. */
  residentModels_max: WIRE_LIMITS.slots_max,
  /** Graphics cards that are told of; the protocol takes no more. */
  cards_max: 16,
  /** The measurement of a freshly loaded model. */
  benchmark_tokens: 48,
  benchmark_inputs: 4,
  benchmark_ms_max: 5000,
} as const;
