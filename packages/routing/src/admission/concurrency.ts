import type { CostProfile } from "../cost/profile.js";
import type { ProviderView, SlotView } from "../types.js";
import { requestsAhead } from "./ahead.js";
import { machineSums } from "./machine-sums.js";

/** Requests for a machine that has not reported capacity yet. */
const UNREPORTED_CONCURRENCY = 4;
/** Requests for a machine that bounds tokens itself, unless its slots together name more. */
const BUDGETED_CONCURRENCY = 24;
/** Requests for a machine that bounds nothing itself, by total memory (routing.md §4.1). */
const CONCURRENCY_BY_MEMORY = [
  { memory_gb_max: 24, requests: 2 },
  { memory_gb_max: 48, requests: 4 },
  { memory_gb_max: 96, requests: 6 },
  { memory_gb_max: 128, requests: 8 },
] as const;
const LARGE_MEMORY_CONCURRENCY = 12;

/** Whether one more request for the build finds a place: in the build's slot and on the machine as a whole. */
export function hasHeadroom(provider: ProviderView, build: string, profile: CostProfile): boolean {
  const machineCap = machineConcurrency(provider);
  if (provider.pendingTotal >= machineCap) return false;
  const slot = provider.slots?.get(build);
  return buildLoad(provider, build, slot) < buildConcurrency(provider, slot, machineCap, profile);
}

/** What of a view decides about places of builds that have no slot in it, and about those of others as far as the machine as a whole does. */
export function headroomOfAll(provider: ProviderView, profile: CostProfile): "everybody" | "slots" | "nobody" {
  const machineCap = machineConcurrency(provider);
  if (provider.pendingTotal >= machineCap) return "nobody";
  return provider.pendingTotal < buildConcurrency(provider, undefined, machineCap, profile) ? "everybody" : "slots";
}

/**
 * Requests of the build that the machine holds without any of them falling below the decode floor: what a copy is worth to demand. A machine
 * whose speed nobody knows counts `fallback`.
 */
export function qualityPlaces(provider: ProviderView, build: string, profile: CostProfile, fallback: number): number {
  const machineCap = machineConcurrency(provider);
  const slot = provider.slots?.get(build);
  const base = slot && slot.maxConcurrency > 0 ? slot.maxConcurrency : machineCap;
  const streams = qualityStreams(provider.staticDecode_tps, profile);
  return Math.min(base, Number.isFinite(streams) ? streams : fallback);
}

/** Requests that the machine may hold in all. */
function machineConcurrency(provider: ProviderView): number {
  if (!provider.slots) return UNREPORTED_CONCURRENCY;
  const { isBudgeted, namedConcurrency } = machineSums(provider);
  if (isBudgeted) return Math.max(BUDGETED_CONCURRENCY, namedConcurrency);
  const row = CONCURRENCY_BY_MEMORY.find((candidate) => provider.totalMemory_gb <= candidate.memory_gb_max);
  return row?.requests ?? LARGE_MEMORY_CONCURRENCY;
}

/** Requests that one build may hold: what its slot says, and no more than keep the decode rate bearable. */
function buildConcurrency(provider: ProviderView, slot: SlotView | undefined, machineCap: number, profile: CostProfile): number {
  const base = slot && slot.maxConcurrency > 0 ? slot.maxConcurrency : machineCap;
  return Math.min(base, qualityCap(provider.staticDecode_tps, profile));
}

/** Streams that keep the decode floor, times the over-commitment; a machine without a benchmark is not capped. */
function qualityCap(solo_tps: number, profile: CostProfile): number {
  if (profile.qualityOvercommit <= 0) return Number.POSITIVE_INFINITY;
  return Math.max(1, Math.ceil(qualityStreams(solo_tps, profile) * profile.qualityOvercommit));
}

/**
 * Streams that keep the decode floor, from rate(B) = solo / (1 + slope × B). Reckoned from the benchmark, never from the loaded observation,
 * which would feed back to one; infinite where there is none.
 */
function qualityStreams(solo_tps: number, { decodeFloor_tps: floor_tps, batchSlowdown }: CostProfile): number {
  if (solo_tps <= 0 || floor_tps <= 0 || batchSlowdown <= 0) return Number.POSITIVE_INFINITY;
  return Math.max(1, Math.floor((solo_tps / floor_tps - 1) / batchSlowdown));
}

/** What the slot reports and what was placed since. A slot that names no bound shares the machine's. */
function buildLoad(provider: ProviderView, build: string, slot: SlotView | undefined): number {
  if (!slot || slot.maxConcurrency <= 0) return provider.pendingTotal;
  return requestsAhead(slot, provider.pending.get(build));
}
