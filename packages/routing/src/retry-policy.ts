import type { ErrorClass } from "@umbel/protocol";

/** How an attempt can fail: what a provider says, and what the coordinator sees for itself. */
export type FailureClass = ErrorClass | "send_failed" | "disconnected" | "protocol_violation" | "unaffordable";

/** What an attempt's failure means for the request, for the machine, and for the consumer once no attempt is left. */
export interface RetryPolicy {
  readonly retryElsewhere: boolean;
  /** Failures of this class after which the request ends; 1 is no second attempt. */
  readonly failures_max: number;
  /** The fault may lie in the provider's release: try a machine of another version first. */
  readonly avoidVersion: boolean;
  /**
   * What remembers the failure: nothing, the load cooldown of machine and build, the same kind of request on machine and build, or the
   * machine's breaker (and the kind of request).
   */
  readonly breaker: "none" | "load" | "shape" | "node";
  readonly countsAgainstReputation: boolean;
  /** What the consumer is told when the request ends here; undefined when nobody listens any more. */
  readonly exhausted: { readonly status: 400 | 402 | 429 | 502 | 504; readonly code: ExhaustedCode } | undefined;
}

/** A subset of the API's closed error codes. */
type ExhaustedCode =
  | "invalid_request_error"
  | "context_length_exceeded"
  | "insufficient_quota"
  | "rate_limit_exceeded"
  | "provider_error"
  | "timeout";

const NO_FAULT = { avoidVersion: false, breaker: "none", countsAgainstReputation: false } as const;
const FAULT = { avoidVersion: true, countsAgainstReputation: true } as const;

/** The consumer's own doing: another machine would say the same. */
const STOP = { ...NO_FAULT, retryElsewhere: false, failures_max: 1 } as const;
const AT_CAPACITY: RetryPolicy = {
  ...NO_FAULT,
  retryElsewhere: true,
  failures_max: 3,
  exhausted: { status: 429, code: "rate_limit_exceeded" },
};
const MACHINE_FAULT: RetryPolicy = {
  ...FAULT,
  retryElsewhere: true,
  failures_max: 5,
  breaker: "node",
  exhausted: { status: 502, code: "provider_error" },
};

/** Source: the table of routing.md §10, with 400 for an exceeded context as in api.md §6.4. */
const RETRY_POLICIES: Readonly<Record<FailureClass, RetryPolicy>> = {
  client_request: { ...STOP, exhausted: { status: 400, code: "invalid_request_error" } },
  context_exceeded: { ...STOP, exhausted: { status: 400, code: "context_length_exceeded" } },
  capacity_kv: AT_CAPACITY,
  capacity_slots: AT_CAPACITY,
  capacity_queue: AT_CAPACITY,
  draining: AT_CAPACITY,
  not_loaded: AT_CAPACITY,
  load_failed_memory: { ...AT_CAPACITY, breaker: "load" },
  load_failed_artifact: { ...MACHINE_FAULT, failures_max: 3, breaker: "load", avoidVersion: false },
  template_render: { ...MACHINE_FAULT, failures_max: 2, breaker: "shape" },
  engine_crash: MACHINE_FAULT,
  internal: MACHINE_FAULT,
  send_failed: MACHINE_FAULT,
  disconnected: MACHINE_FAULT,
  protocol_violation: MACHINE_FAULT,
  // The consumer cannot pay what this machine's owner asks for; others may ask for less.
  unaffordable: { ...NO_FAULT, retryElsewhere: true, failures_max: 8, exhausted: { status: 402, code: "insufficient_quota" } },
  timeout: { ...MACHINE_FAULT, failures_max: 3, exhausted: { status: 504, code: "timeout" } },
  cancelled: { ...STOP, exhausted: undefined },
};

/** What to do about a failed attempt. Total over the closed vocabulary. */
export function retryPolicy(failure: FailureClass): RetryPolicy {
  return RETRY_POLICIES[failure];
}

/** The kinds after which another machine is tried. */
export const RETRIED_FAILURES: readonly string[] = Object.entries(RETRY_POLICIES)
  .filter(([, { retryElsewhere }]) => retryElsewhere)
  .map(([failure]) => failure);
