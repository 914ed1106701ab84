import { itemisedCost } from "../cost/index.js";
import { costProfileOf } from "../cost/profile.js";
import type { CandidateCost, Decision } from "../types.js";

export const RUNNERS_UP = 3;

/**
 * The cheapest of those that could have served instead, with their costs term by term: what a decision is measured against afterwards. Of a
 * search, those that it looked at.
 *
 * @returns fewer than asked where there were not so many; none for a decision without an audit
 */
export function runnersUp({ audit, winner }: Decision, count: number = RUNNERS_UP): readonly CandidateCost[] {
  if (audit === undefined) return [];
  const { candidates, spec, context } = audit.evidence;
  return candidates()
    .filter(({ measured }) => measured.provider.id !== winner?.providerId)
    .sort((one, other) => one.total_ms - other.total_ms)
    .slice(0, count)
    .map(({ measured }) => itemisedCost(measured, costProfileOf(context), spec));
}
