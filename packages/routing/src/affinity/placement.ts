import type { CostProfile } from "../cost/profile.js";
import type { Candidate } from "../pick.js";
import type { RequestSpec } from "../types.js";
import { placementFraction, rendezvousPlace } from "./rendezvous.js";

/**
 * What names one of several equals, in [0, 1): dice, or, where reading the prompt again would cost something, the place that its prefix always
 * has among these machines. Either is recorded as a draw, so a replay needs no prefix.
 *
 * @param random called only where dice are thrown
 */
export function drawAmong(equals: readonly Candidate[], spec: RequestSpec, profile: CostProfile, random: () => number): number | undefined {
  const [first] = equals;
  if (first === undefined || equals.length === 1) return undefined;
  const placement = placementOf(spec, first.measured.prefill_tps, profile);
  if (placement === undefined) return random();
  const place = rendezvousPlace(
    placement,
    equals.map(({ measured }) => measured.provider.machineId),
  );
  return (place + 0.5) / equals.length;
}

/** The same for a group too large to be compared one by one. */
export function drawForGroup(prefill_tps: number, spec: RequestSpec, profile: CostProfile, random: () => number): number {
  const placement = placementOf(spec, prefill_tps, profile);
  return placement === undefined ? random() : placementFraction(placement);
}

function placementOf(spec: RequestSpec, prefill_tps: number, profile: CostProfile): string | undefined {
  return (spec.promptTokens * 1_000) / prefill_tps >= profile.affinityWorth_ms ? spec.affinity?.placement : undefined;
}
