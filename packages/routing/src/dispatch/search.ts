import { type FailureClass, retryPolicy } from "../retry-policy.js";
import { loadingTime_ms } from "./racer.js";
import type { Racer, Search } from "./state.js";
import type { DispatchEffect, DispatchInput, RefusalCause } from "./types.js";

/** However many machines there are, one request troubles so many at most, unless its limits say fewer. Source: routing.md §9. */
export const ATTEMPTS_MAX = 64;

export function newSearch(input: DispatchInput): Search {
  return {
    input,
    number: 0,
    excluded: new Set(),
    avoidVersion: undefined,
    failures: 0,
    failuresByStatus: {},
    last: undefined,
    budgetEnd_ms: Number.POSITIVE_INFINITY,
  };
}

/** The next place is sought among machines that have not failed and are not trying already. */
export function reserving(search: Search, purpose: "first" | "retry" | "hedge", racers: readonly Racer[]): DispatchEffect {
  const excluded = racers.length === 0 ? search.excluded : new Set([...search.excluded, ...racers.map(({ machineId }) => machineId)]);
  const { number, avoidVersion, failures } = search;
  return { type: "reserve", purpose, number, excluded, avoidVersion, failures };
}

/**
 * The next place is waited for in line. One whose machines have failed stood in line once, or had no need to: it waits among those who go
 * first, and no longer than an attempt may begin. Nobody waits beyond the consumer's time.
 */
export function enqueuing({ input, number, excluded, avoidVersion, last, budgetEnd_ms }: Search): DispatchEffect {
  const purpose = last === undefined ? "first" : "retry";
  return { type: "enqueue", purpose, number, excluded, avoidVersion, until_ms: Math.min(budgetEnd_ms, callersEnd_ms(input)) };
}

/** When the consumer's time is over; infinite if it has set none. */
export function callersEnd_ms({ deadline_ms }: DispatchInput): number {
  return deadline_ms ?? Number.POSITIVE_INFINITY;
}

/** Why a search ends that has found nobody: what its last machine said, if one was asked. */
export function unanswered({ last, failures }: Search, otherwise: RefusalCause): RefusalCause {
  return last === undefined ? otherwise : { type: "exhausted", ...last, failures };
}

/** The search after one of its machines has failed: that machine is not asked again. */
export function withFailure(search: Search, racer: Racer, failure: FailureClass, now_ms: number): Search {
  const policy = retryPolicy(failure);
  return {
    ...search,
    excluded: new Set([...search.excluded, racer.machineId]),
    avoidVersion: policy.avoidVersion ? racer.version : search.avoidVersion,
    failures: search.failures + 1,
    last: { racer: racer.number, failure },
    budgetEnd_ms: search.budgetEnd_ms + loadingTime_ms(racer, now_ms),
  };
}

/** The search after a failure that counts against the allowance of its kind. */
export function withTryLost(search: Search, failure: FailureClass): Search {
  const status = statusOf(failure);
  return { ...search, failuresByStatus: { ...search.failuresByStatus, [status]: (search.failuresByStatus[status] ?? 0) + 1 } };
}

/** Whether time and number allow one more attempt. */
export function mayBegin({ input, number, budgetEnd_ms }: Search, now_ms: number): boolean {
  return number < (input.limits.attempts_max ?? ATTEMPTS_MAX) && Math.min(budgetEnd_ms, callersEnd_ms(input)) > now_ms;
}

/** Whether another machine may be tried after the last failure. */
export function mayRetry(search: Search, now_ms: number): boolean {
  const { last, failuresByStatus } = search;
  if (last === undefined || !mayBegin(search, now_ms)) return false;
  const { retryElsewhere, failures_max } = retryPolicy(last.failure);
  const allowed = search.input.limits.failures_max?.get(last.failure) ?? failures_max;
  return retryElsewhere && (failuresByStatus[statusOf(last.failure)] ?? 0) < allowed;
}

/** After the loss of an answer that nobody has seen yet: from here on the time for attempts begins anew. */
export function renewed(search: Search, now_ms: number): Search {
  return { ...search, budgetEnd_ms: Math.max(search.budgetEnd_ms, now_ms + search.input.limits.contentBudget_ms) };
}

/** A racer that is no longer needed: it is asked to stop, and its place is given back. */
export function sentAway({ number }: Racer): DispatchEffect[] {
  return [
    { type: "cancel", racer: number },
    { type: "release", racer: number },
  ];
}

/** Kinds of failure that end in the same answer share one allowance. */
function statusOf(failure: FailureClass): number {
  return retryPolicy(failure).exhausted?.status ?? 0;
}
