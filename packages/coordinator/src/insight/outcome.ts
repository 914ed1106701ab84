/** How a request ended in the eyes of its caller; the uptime formula counts over these. Source: ops.md §3.5. */
export type OutcomeClass = "success" | "provider_5xx" | "mid_stream" | "timeout" | "rate_limited" | "client_error" | "client_gone";

/** Class of an answer from its HTTP status; of a stream, which begins with 200, only when nothing else is known. */
export function outcomeOfStatus(status: number): OutcomeClass {
  if (status < 400) return "success";
  if (status === 429) return "rate_limited";
  if (status === 408 || status === 504) return "timeout";
  if (status >= 500) return "provider_5xx";
  return "client_error";
}
