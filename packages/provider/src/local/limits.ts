/** Bounds and waits of the endpoint that a machine opens for its own programs. Sizes in bytes, waits in milliseconds. */
export const LOCAL_LIMITS = {
  /** A request with a few pictures in it. Source: provider.md §14. */
  body_bytes_max: 32 * 1024 * 1024,
  /** Of a body that is refused for its size so much is read and thrown away, so that its sender gets to see the answer. */
  bodyDiscarded_bytes_max: 64 * 1024 * 1024,
  /** A text that is only to be cut into tokens, and ids that are to be put together: the worker does nothing else meanwhile. */
  text_bytes_max: 1024 * 1024,
  tokens_max: 262_144,
  headers_bytes_max: 64 * 1024,
  /** Connections at once; a further one is closed as it comes. */
  connections_max: 512,
  /** For the headers of a request to arrive, and for the whole of it. */
  headersArrive_ms: 5_000,
  requestArrives_ms: 120_000,
  /** Sealed bytes of one answer that its reader has not taken yet; an answer that runs so far ahead is cancelled. */
  unread_bytes_max: 8 * 1024 * 1024,
  /** A stream whose reader takes nothing for so long is cut off. */
  stall_ms: 60_000,
  /** A stream that has nothing to say for so long gives a sign of life. */
  signOfLife_ms: 10_000,
  /** From asking to the end of the answer, loading included. */
  deadline_ms: 60 * 60_000,
  /** Responses that can be fetched again: so many, so large together, for so long after they have ended; the oldest go first. */
  keptResponses_max: 256,
  keptResponses_bytes_max: 32 * 1024 * 1024,
  keptResponse_ms: 60 * 60_000,
  /** Chats of one batch. */
  batch_max: 64,
  /** When to come back while the worker is loading, or was lost and starts again. */
  retry_s: 2,
} as const;
