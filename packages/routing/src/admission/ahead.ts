import type { PendingView, SlotView } from "../types.js";

/**
 * Requests that the machine holds for a build: what the slot reports and what was placed since; where the machine does not say which requests
 * its report holds, whichever is more, the report or what was placed.
 */
export function requestsAhead(slot: SlotView | undefined, work: PendingView | undefined): number {
  const reported = slot ? slot.running + slot.waiting : 0;
  if (work?.unreported_requests !== undefined) return reported + work.unreported_requests;
  return Math.max(work?.requests ?? 0, reported);
}
