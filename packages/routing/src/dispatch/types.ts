import type { FailureClass } from "../retry-policy.js";

/** How long things may take, in milliseconds, and how often they may fail. Sources: routing.md §9, api.md §15. */
export interface DispatchLimits {
  /** Until an attempt's first content. Nothing that a machine says moves it, except that it is loading the model. */
  readonly firstContent_ms: number;
  /** From the first attempt's start, until which a further attempt may begin to answer; time spent loading comes on top. */
  readonly contentBudget_ms: number;
  /** The longest that an attempt may load the model. */
  readonly loading_ms: number;
  /** How long a loading machine may go without news of its progress. */
  readonly loadingSilence_ms: number;
  /** Between two pieces of content. */
  readonly idle_ms: number;
  /** After the consumer has left, for the machine's own account of what it made. */
  readonly grace_ms: number;
  /** Machines that one request may be sent to; absent is `ATTEMPTS_MAX`. */
  readonly attempts_max?: number;
  /** After how many failures of a kind no other machine is tried, where that is not what `retryPolicy` says. */
  readonly failures_max?: ReadonlyMap<string, number>;
}

/** One request as dispatch sees it: times only, nothing of what is asked. */
export interface DispatchInput {
  readonly limits: DispatchLimits;
  /**
   * The consumer sees the answer only once it is complete: then a machine that is lost in the middle of it may be replaced, too, and nobody
   * notices.
   */
  readonly isWhole: boolean;
  /** From an attempt's start until a second machine is asked as well; undefined for never. */
  readonly hedgeDelay_ms: number | undefined;
  /** Monotonic instant after which the consumer has no use for an answer that has not begun; absent is never. */
  readonly deadline_ms?: number;
}

/** A reserved place on a machine. */
export interface Place {
  readonly machineId: string;
  readonly version: string;
  /** What routing expects until the first content; undefined if unknown. A slow machine is given twice as long as it was chosen for. */
  readonly ttft_ms: number | undefined;
  /** False where another machine must not be asked as well: the caller's own is serving, and others would cost money. */
  readonly mayHedge: boolean;
}

/** Why a line of waiting requests did not serve one of them. */
export type QueueRefusal = "full" | "too_long" | "timeout" | "deadline" | "nobody" | "too_slow";

/** What happens to one request. Racers are named by their attempt's number; an event of one that is gone changes nothing. */
export type DispatchEvent =
  /** Answers the effect `reserve`, in the same step. */
  | { readonly type: "reserved"; readonly place: Place }
  /**
   * Answers the effect `reserve`, in the same step. `waitable` tells that somebody would serve the request if less busy, `isTooSlow` that
   * somebody would serve it and not begin soon enough.
   */
  | { readonly type: "none_available"; readonly waitable: boolean; readonly isTooSlow?: boolean }
  | { readonly type: "queue_assigned"; readonly place: Place }
  | { readonly type: "queue_refused"; readonly reason: QueueRefusal }
  | { readonly type: "accepted"; readonly racer: number; readonly phase: "queued" | "loading" | "prefilling"; readonly progress?: number }
  /** Events without content that came together, so many. */
  | { readonly type: "preamble"; readonly racer: number; readonly events: number }
  | { readonly type: "content"; readonly racer: number }
  /** A clean end, with or without content. */
  | { readonly type: "complete"; readonly racer: number; readonly isAccountValid: boolean }
  /** The request could not be sent, the machine said no, broke off, or broke the protocol. */
  | { readonly type: "failed"; readonly racer: number; readonly failure: FailureClass }
  /** More is waiting for the consumer than may be kept. */
  | { readonly type: "overflow"; readonly racer: number }
  | { readonly type: "client_gone" }
  /** The ledger has been told that the consumer left; or was given up on telling. */
  | { readonly type: "parked" }
  /** Our own fault: whatever is under way cannot go on. */
  | { readonly type: "fault" }
  /** Time has passed: due at `wakeAt_ms(state)`, harmless before. */
  | { readonly type: "tick" };

/** How the money of an answer ends: what is settled, and why. */
export type SettleReason = "complete" | "cancelled" | "provider_lost" | "timeout" | "slow_consumer" | "no_terminal_after_cancel";

/** Why nothing was answered. */
export type RefusalCause =
  | { readonly type: "nobody" }
  /** Every machine that could begin would begin too late for an operator who wants none of that. */
  | { readonly type: "too_slow" }
  /** The instant passed after which the consumer has no use for an answer. No machine is to blame. */
  | { readonly type: "deadline" }
  | { readonly type: "queue"; readonly reason: QueueRefusal }
  /** The last failure decides what the consumer is told; `racer` tells whose it was. */
  | { readonly type: "exhausted"; readonly racer: number; readonly failure: FailureClass; readonly failures: number }
  | { readonly type: "fault" };

/** Where an attempt may go: not to machines that have failed the request or are trying, and rather not to those of one version. */
export interface Sought {
  /** Of the attempt. */
  readonly number: number;
  readonly excluded: ReadonlySet<string>;
  readonly avoidVersion: string | undefined;
}

/** What is to be done, in order. */
export type DispatchEffect =
  /** Select a machine and reserve a place on it now; answered by `reserved` or `none_available` before anything else happens. `failures`: of the request's machines until now. */
  | (Sought & { readonly type: "reserve"; readonly purpose: "first" | "retry" | "hedge"; readonly failures: number })
  /** Wait in line for such a place, no longer than until `until_ms`, a monotonic instant; answered by `queue_assigned` or `queue_refused`. */
  | (Sought & { readonly type: "enqueue"; readonly purpose: "first" | "retry"; readonly until_ms: number })
  | { readonly type: "leave_queue" }
  /** `deadline_ms` is how long the machine has. */
  | { readonly type: "send"; readonly racer: number; readonly deadline_ms: number }
  | { readonly type: "cancel"; readonly racer: number }
  /** The machine let a deadline pass, which it cannot see itself. */
  | { readonly type: "blame_timeout"; readonly racer: number }
  /** Give the place back. Once for every place that was sent to. */
  | { readonly type: "release"; readonly racer: number }
  /** A line has assigned a place that is not wanted any more: give it back. */
  | { readonly type: "return_place" }
  /** Show the consumer what this racer has said and will say. Others have been sent away before. */
  | { readonly type: "commit"; readonly racer: number }
  /** What has come of the answer is worth nothing, because its machine is lost. Only of answers that are shown whole. */
  | { readonly type: "restart" }
  /** Tell the ledger that the consumer has left; answered by `parked`. */
  | { readonly type: "park" }
  /** The answer cannot go on, and the consumer is told so within it. */
  | { readonly type: "break_off"; readonly cause: "timeout" | "slow_consumer" | "provider_lost" | "fault" }
  // One of the following three ends a request, once.
  /** Nothing was answered: the hold is void, and the consumer is told why. */
  | { readonly type: "refuse"; readonly cause: RefusalCause }
  /** Nothing was answered and nobody is left to be told: the hold is void. */
  | { readonly type: "abandon" }
  /** Something was answered: its price is due, by the machine's account or by what was relayed. */
  | { readonly type: "settle"; readonly racer: number; readonly account: "provider" | "relayed"; readonly reason: SettleReason };
