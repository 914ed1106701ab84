import { SELF_REPORTED_MAX } from "@umbel/protocol";
import type { RoutingContext } from "../types.js";

/**
 * Every coefficient that decides between eligible providers. Frozen and versioned: a decision records the version, so that a change of
 * one number is visible in every decision it touched. Version 1 were the operational values of routing.md §5 and §6, tuned on one 7B model and
 * meant to be calibrated; version 2 is calibrated in simulation (docs/routing.md says how, and what each change brought).
 */
export interface CostProfile {
  readonly version: string;
  /** Loading a build that is not resident, when no load has been measured. */
  readonly coldLoad_ms: number;
  /** Waking a slot that was put to sleep, when no load has been measured. */
  readonly wakeLoad_ms: number;
  /** Measured load times are believed only within these bounds. */
  readonly measuredLoad_ms_min: number;
  readonly measuredLoad_ms_max: number;
  /** How much a load counts beside its length: it takes the place of a build that others may want, and keeps the machine busy. */
  readonly stateWeight: number;
  /** How much the reading of prompts counts that come before this one. */
  readonly unreadWeight: number;
  /** How much the tokens count that earlier requests may still take: they are written beside this one, not before it. */
  readonly backlogWeight: number;
  /** How much of the longest answer counts. Most answers end long before it. */
  readonly decodeWeight: number;
  /** One request ahead in the same slot. */
  readonly queued_ms: number;
  /** One request that the coordinator has on the machine, whatever its build. */
  readonly pending_ms: number;
  /** Slow-down of one stream by each further stream in the batch: rate(B) = solo / (1 + slope × B). */
  readonly batchSlowdown: number;
  /** Decode rate assumed of a machine that has neither measured nor benchmarked. */
  readonly unknownDecode_tps: number;
  /** Prefill rate over decode rate, when only decode is known. */
  readonly prefillPerDecode: number;
  /** Ceiling on believed prefill rates (protocol.md §4.6). */
  readonly prefill_tps_max: number;
  /** From this prompt length on, prefill counts more; 0 is off. */
  readonly longPrompt_tokens: number;
  /** How much more: the surcharge is this factor minus one. At least 1. */
  readonly longPromptWeight: number;
  /** Machine under full memory pressure, at full CPU, throttling mildly, throttling heavily. */
  readonly memoryPressure_ms: number;
  readonly cpu_ms: number;
  readonly thermalFair_ms: number;
  readonly thermalSerious_ms: number;
  /** A machine that fails everything; one that fails a tenth costs a tenth of it. */
  readonly unreliable_ms: number;
  /** A machine whose release fails on many machines. */
  readonly suspectRelease_ms: number;
  /** Largest discount for the machine that holds the prompt's beginning (routing.md §15); 0 is none. */
  readonly affinity_ms_max: number;
  /** Reading that takes less than this is not worth sparing: then the least busy machine is as good as the one that holds the prefix. */
  readonly affinityWorth_ms: number;
  /** Candidates within this distance of the cheapest count as equal. */
  readonly nearTie_ms: number;
  /** Decode rate under which a machine serves only if no other can; 0 is off. Also the floor of the quality cap (routing.md §4.1). */
  readonly decodeFloor_tps: number;
  /** How far past the number of streams that keep the decode floor a machine may be filled (routing.md §4.1); 0 turns the cap off. */
  readonly qualityOvercommit: number;
}

export const DEFAULT_COST_PROFILE: CostProfile = Object.freeze({
  version: "2",
  coldLoad_ms: 30_000,
  wakeLoad_ms: 20_000,
  measuredLoad_ms_min: 2_000,
  measuredLoad_ms_max: 180_000,
  stateWeight: 3,
  unreadWeight: 2,
  backlogWeight: 0,
  decodeWeight: 0.3,
  queued_ms: 1_000,
  pending_ms: 300,
  batchSlowdown: 0.27,
  unknownDecode_tps: 1,
  prefillPerDecode: 12,
  prefill_tps_max: SELF_REPORTED_MAX.prefill_tps,
  longPrompt_tokens: 0,
  longPromptWeight: 2,
  memoryPressure_ms: 4_000,
  cpu_ms: 1_500,
  thermalFair_ms: 2_000,
  thermalSerious_ms: 8_000,
  unreliable_ms: 8_000,
  suspectRelease_ms: 15_000,
  affinity_ms_max: 10_000,
  affinityWorth_ms: 50,
  nearTie_ms: 100,
  decodeFloor_tps: 15,
  qualityOvercommit: 2,
});

type Coefficient = Exclude<keyof CostProfile, "version">;
export const COEFFICIENTS = Object.keys(DEFAULT_COST_PROFILE).filter((name): name is Coefficient => name !== "version");

/** Least values of coefficients that others are divided by; of all others it is 0. */
const LEAST: Readonly<Partial<CostProfile>> = {
  unknownDecode_tps: 0.001,
  prefillPerDecode: 0.001,
  prefill_tps_max: 1,
  longPromptWeight: 1,
};

/** Whether a coefficient may have the value. */
export function isCoefficient(name: string, value: number): boolean {
  const known = COEFFICIENTS.find((coefficient) => coefficient === name);
  return known !== undefined && Number.isFinite(value) && value >= (LEAST[known] ?? 0);
}

/** The built-in coefficients with some that differ, as its version says. */
export function changedCostProfile(changes: Readonly<Partial<Record<Coefficient, number>>>): CostProfile {
  const differing = COEFFICIENTS.flatMap((name) => {
    const value = changes[name];
    return value === undefined || value === DEFAULT_COST_PROFILE[name] ? [] : [`${name}=${value}`];
  });
  if (differing.length === 0) return DEFAULT_COST_PROFILE;
  return Object.freeze({ ...DEFAULT_COST_PROFILE, ...changes, version: `${DEFAULT_COST_PROFILE.version} ${differing.join(" ")}` });
}

/** The coefficients of one decision. */
export function costProfileOf(context: RoutingContext): CostProfile {
  return context.costProfile ?? DEFAULT_COST_PROFILE;
}
