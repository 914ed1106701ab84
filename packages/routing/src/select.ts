import { type Choice, DecisionAudit, type RefusedMachine } from "./audit/decision-audit.js";
import { AUDIT_LIMITS } from "./audit/limits.js";
import { itemisedCost, totalCost_ms } from "./cost/index.js";
import { measure } from "./cost/measure.js";
import { costProfileOf } from "./cost/profile.js";
import { firstRefusal, type ProfileName } from "./gates/profiles.js";
import { type Candidate, pick } from "./pick.js";
import type { Decision, ProviderView, RefusalReason, RequestSpec, RoutingContext } from "./types.js";

/** Refusals that say "come back later": a machine at work, which is better than one whose breaker is open. */
export const BUSY_REASONS: readonly RefusalReason[] = ["concurrency", "capacity", "ttft_ceiling"];

/**
 * Refusals for what a machine has failed, which are overlooked where nobody else is left. That of one kind of request too, which goes beyond
 * routing.md §6.3: else two late answers of an only machine would be five minutes without any.
 */
export const RESTING_REASONS: readonly RefusalReason[] = ["error_cooldown", "breaker_open"];

/**
 * Chooses the provider for one request: gates, cost, pick. Pure and synchronous, so that a single-threaded caller reserves in the same
 * step. Iterates over `providers` once.
 *
 * @param providers frozen views. Their order matters only to the dice: the same order, spec and dice give the same winner.
 * @param profile gates to apply. `select` (the default) falls back to `select_failopen` when only rests for failures stood in the way and nothing
 *   was merely busy, so that a bad release cannot take every machine out, and a busy healthy machine is preferred to a known-bad one
 *   (routing.md §6.3).
 * @returns the winner with its cost term by term, or no winner and how many providers each reason refused
 */
export function select(
  providers: Iterable<ProviderView>,
  spec: RequestSpec,
  context: RoutingContext,
  profile: ProfileName = "select",
): Decision {
  const tally = emptyTally();
  const resting: ProviderView[] = [];
  for (const provider of providers) {
    if (isRest(weigh(tally, provider, spec, context, profile))) resting.push(provider);
  }
  if (profile === "select" && mayFailOpen(tally)) {
    // Every other machine was refused for a reason that the relaxed profile shares.
    const { error_cooldown: _, breaker_open: __, ...others } = tally.refusals;
    const relaxed: Tally = {
      ...emptyTally(),
      considered: tally.considered - resting.length,
      refusals: others,
      refused: tally.refused.filter(({ reason }) => !isRest(reason)),
    };
    for (const provider of resting) weigh(relaxed, provider, spec, context, "select_failopen");
    if (relaxed.candidates.length > 0) return conclude(relaxed, spec, context, "select_failopen", true);
  }
  return conclude(tally, spec, context, profile, false);
}

/** What one pass has found so far. */
interface Tally {
  considered: number;
  refusals: Partial<Record<RefusalReason, number>>;
  candidates: Candidate[];
  /** The first of those that were refused, for the record. */
  refused: RefusedMachine[];
  /** Least estimate before any ceiling is applied; NaN, which is contagious, once a machine's is unknown. */
  bestTtft_ms: number;
}

function emptyTally(): Tally {
  return { considered: 0, refusals: {}, candidates: [], refused: [], bestTtft_ms: Number.POSITIVE_INFINITY };
}

/** Adds one machine to the tally: as a candidate with its cost, or under the reason that refused it, which is returned. */
function weigh(tally: Tally, provider: ProviderView, spec: RequestSpec, context: RoutingContext, profile: ProfileName) {
  tally.considered++;
  const reason = firstRefusal(profile, provider, spec, context)?.reason;
  if (reason) {
    tally.refusals[reason] = (tally.refusals[reason] ?? 0) + 1;
    if (tally.refused.length < AUDIT_LIMITS.refused_max) tally.refused.push({ view: provider, reason });
  }
  if (reason && reason !== "ttft_ceiling") return reason;
  const measured = measure(provider, spec, context);
  tally.bestTtft_ms = Math.min(tally.bestTtft_ms, measured.ttft_ms ?? Number.NaN);
  if (!reason) tally.candidates.push({ measured, total_ms: totalCost_ms(measured, costProfileOf(context), spec) });
  return reason;
}

function mayFailOpen({ candidates, refusals }: Tally): boolean {
  return candidates.length === 0 && onlyRests(refusals);
}

function isRest(reason: RefusalReason | undefined): boolean {
  return reason !== undefined && RESTING_REASONS.includes(reason);
}

/** Whether machines rest, and none is merely busy. */
export function onlyRests(refusals: Decision["refusals"]): boolean {
  const has = (reason: RefusalReason): boolean => refusals[reason] !== undefined;
  return RESTING_REASONS.some(has) && !BUSY_REASONS.some(has);
}

function conclude(tally: Tally, spec: RequestSpec, context: RoutingContext, gates: ProfileName, failedOpen: boolean): Decision {
  const profile = costProfileOf(context);
  const { candidates, refused } = tally;
  const picked = pick(candidates, spec, profile, context.random);
  const choice: Choice = picked
    ? { kind: "equals", among: () => picked.equals.map(({ measured }) => measured.provider) }
    : { kind: "none" };
  return Object.freeze({
    winner: picked && itemisedCost(picked.candidate.measured, profile, spec),
    considered: tally.considered,
    candidates: tally.candidates.length,
    refusals: Object.freeze(tally.refusals),
    bestTtft_ms: Number.isFinite(tally.bestTtft_ms) ? tally.bestTtft_ms : undefined,
    costProfile: profile.version,
    draw: picked?.draw,
    tied: picked?.tied ?? 0,
    failedOpen,
    audit: new DecisionAudit({ spec, context, profile: gates, candidates: () => candidates, refused, choice }),
  });
}
