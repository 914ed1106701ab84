import { drawAmong } from "./affinity/placement.js";
import type { Measurements } from "./cost/measure.js";
import type { CostProfile } from "./cost/profile.js";
import type { RequestSpec } from "./types.js";

/** A machine that passed every gate. */
export interface Candidate {
  readonly measured: Measurements;
  readonly total_ms: number;
}

interface Picked {
  readonly candidate: Candidate;
  /** How many were equal to the last, the winner included; the dice chose among them. */
  readonly tied: number;
  /** The dice; undefined when they were not needed. */
  readonly draw: number | undefined;
  readonly equals: readonly Candidate[];
}

/** A wish that narrows the pool as long as someone is left; it never fails a request. */
interface Preference {
  applies(spec: RequestSpec, profile: CostProfile): boolean;
  holds(candidate: Candidate, spec: RequestSpec, profile: CostProfile): boolean;
}

const ownMachines: Preference = {
  applies: (spec) => spec.route === "prefer",
  holds: ({ measured }, spec) => measured.provider.accountId === spec.accountId,
};

/** After a failure that may lie in a release, another release. */
const otherVersion: Preference = {
  applies: (spec) => spec.avoidVersion !== undefined,
  holds: ({ measured }, spec) => measured.provider.version !== spec.avoidVersion,
};

const bearableDecode: Preference = {
  applies: (_spec, profile) => profile.decodeFloor_tps > 0,
  holds: ({ measured }, _spec, profile) => measured.projectedDecode_tps >= profile.decodeFloor_tps,
};

/** In this order (routing.md §6.2). */
const PREFERENCES: readonly Preference[] = [ownMachines, otherVersion, bearableDecode];

/**
 * Chooses among candidates: preferences, then the near-ties of the cheapest, then the least requests ahead, then the least work in all,
 * then dice, or the place that the prompt's beginning always has among such machines. A near-tied holder of that beginning wins outright.
 *
 * @param random called at most once, and only to part equals
 * @returns undefined for no candidates
 */
export function pick(candidates: readonly Candidate[], spec: RequestSpec, profile: CostProfile, random: () => number): Picked | undefined {
  const equals = equalsOf(candidates, spec, profile);
  const draw = drawAmong(equals, spec, profile, random);
  const candidate = equals[Math.floor((draw ?? 0) * equals.length)];
  return candidate && { candidate, tied: equals.length, draw, equals };
}

/** The candidates that are equal to the last: any of them may be drawn. */
export function equalsOf(candidates: readonly Candidate[], spec: RequestSpec, profile: CostProfile): readonly Candidate[] {
  const near = nearTies(preferred(candidates, spec, profile), profile.nearTie_ms);
  const holder = near.find(isHolder);
  return holder ? [holder] : leastBusy(near);
}

/** Whether the machine holds so much of the prompt that it is worth going there. */
export function isHolder({ measured }: Candidate): boolean {
  return measured.sparedPrefill_ms > 0;
}

/** Those that the preferences leave in. */
export function preferred(candidates: readonly Candidate[], spec: RequestSpec, profile: CostProfile): readonly Candidate[] {
  let pool = candidates;
  for (const preference of PREFERENCES) {
    if (!preference.applies(spec, profile)) continue;
    const narrowed = pool.filter((candidate) => preference.holds(candidate, spec, profile));
    if (narrowed.length > 0) pool = narrowed;
  }
  return pool;
}

function nearTies(pool: readonly Candidate[], window_ms: number): readonly Candidate[] {
  let best_ms = Number.POSITIVE_INFINITY;
  for (const candidate of pool) best_ms = Math.min(best_ms, candidate.total_ms);
  return pool.filter((candidate) => candidate.total_ms <= best_ms + window_ms);
}

function leastBusy(pool: readonly Candidate[]): readonly Candidate[] {
  let equals: Candidate[] = [];
  for (const candidate of pool) {
    const order = equals[0] ? byWork(candidate, equals[0]) : -1;
    if (order < 0) equals = [candidate];
    else if (order === 0) equals.push(candidate);
  }
  return equals;
}

function byWork(a: Candidate, b: Candidate): number {
  return a.measured.ahead - b.measured.ahead || a.measured.provider.pendingTotal - b.measured.provider.pendingTotal;
}
