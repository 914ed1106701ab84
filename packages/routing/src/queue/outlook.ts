import type { Decision, RefusalReason, RequestSpec } from "../types.js";

/** Refusals that end by themselves when other requests do, or when a model has loaded: a request may wait for them. */
const WAITABLE: readonly RefusalReason[] = ["slot_unavailable", "concurrency", "capacity"];

/** What one who was not served may hope for. */
export type Outlook =
  /** Some machine would serve it if it were less busy. */
  | "wait"
  /** Every machine that could is slower than the request bears. */
  | "too_slow"
  /** No machine could, even if idle. */
  | "nobody";

/** Whether some machine would serve the request if it were less busy. */
export function isWorthWaiting({ refusals }: Pick<Decision, "refusals">): boolean {
  return WAITABLE.some((reason) => refusals[reason] !== undefined);
}

/**
 * Whether one who already waits should go on (routing.md §8). Owners who insist on their machines do: a machine of theirs that has just left
 * may come back.
 */
export function waitingOutlook({ refusals }: Pick<Decision, "refusals">, { route }: Pick<RequestSpec, "route">): Outlook {
  if (isWorthWaiting({ refusals })) return "wait";
  if (refusals.ttft_ceiling !== undefined) return "too_slow";
  return route === "self" ? "wait" : "nobody";
}
