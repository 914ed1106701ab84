import { requestDemand_tokens } from "../admission/demand.js";
import type { RequestSpec } from "../types.js";

/** One request in a line. Lines know it by identity. */
export interface Waiter {
  readonly spec: RequestSpec;
  /** Monotonic instant at which it leaves unserved. */
  readonly deadline_ms: number;
  /** It had a place, and the machine failed it: it has waited before, or come when nobody did. */
  readonly isRetry: boolean;
}

/** What ends a wait that nobody serves: the line's own patience, or the instant after which the caller has no use for an answer. */
export type WaitLimit = "timeout" | "deadline";

/**
 * The instant until which a request waits, and whose instant it is.
 *
 * @param patience_ms how long a request may stand in line
 * @param caller_ms monotonic instant after which the caller has no use for an answer; absent is never
 */
export function waitLimit(now_ms: number, patience_ms: number, caller_ms?: number): { readonly at_ms: number; readonly limit: WaitLimit } {
  const line_ms = now_ms + patience_ms;
  return caller_ms !== undefined && caller_ms < line_ms ? { at_ms: caller_ms, limit: "deadline" } : { at_ms: line_ms, limit: "timeout" };
}

/** What a waiter's turn costs its account: the tokens it asks for. */
export function turn_tokens({ spec }: Waiter): number {
  return requestDemand_tokens(spec);
}
