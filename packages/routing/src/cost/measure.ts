import { requestsAhead } from "../admission/ahead.js";
import { outputDemand_tokens, promptDemand_tokens } from "../admission/demand.js";
import { machineSums } from "../admission/machine-sums.js";
import { isResident } from "../admission/residency.js";
import type { FleetRates, ProviderView, RequestSpec, RoutingContext, SlotView } from "../types.js";
import { bandwidthDecode_tps } from "./bandwidth-decode.js";
import { type CostProfile, costProfileOf } from "./profile.js";

/** What is known or assumed of one machine for one request; the terms of the cost are sums over these. */
export interface Measurements {
  readonly provider: ProviderView;
  readonly slot: SlotView | undefined;
  readonly prompt_tokens: number;
  readonly output_tokens: number;
  /** Until the build is in memory; 0 when it is. */
  readonly load_ms: number;
  /** Requests ahead for the build, reported by the slot or placed since. */
  readonly ahead: number;
  /** One stream's rate as it is now. */
  readonly decode_tps: number;
  /** One stream's rate if this request joins. */
  readonly projectedDecode_tps: number;
  readonly prefill_tps: number;
  /** Reading of prompts that were placed on the machine, whatever their build, and have not been read yet. */
  readonly unread_ms: number;
  /** Reading that the machine is spared, since it holds the prompt's beginning; 0 where it would not be worth it. */
  readonly sparedPrefill_ms: number;
  /** Estimate until the first token; undefined while the machine has not reported capacity. */
  readonly ttft_ms: number | undefined;
}

/** Reads a machine's view for one request. Rates are positive whatever is unknown (routing.md §5). */
export function measure(provider: ProviderView, spec: RequestSpec, context: RoutingContext): Measurements {
  const profile = costProfileOf(context);
  const slot = provider.slots?.get(spec.build);
  const ahead = requestsAhead(slot, provider.pending.get(spec.build));
  const prompt_tokens = promptDemand_tokens(spec);
  const load_ms = loadTime_ms(slot, spec.build, context.rates, profile);
  const decode_tps = decodeRate_tps(provider, slot, spec, context.rates, profile);
  const prefill_tps = prefillRate_tps(provider, slot, spec, profile);
  // Prefills run one after the other; decoding runs beside them. So only requests that have not begun delay the first token.
  const sparedPrefill_ms = isResident(slot) ? worthSparing_ms((matched_tokens(provider, spec) * 1000) / prefill_tps, profile) : 0;
  const prefillsAhead = ahead - (slot?.running ?? 0);
  const unread_ms = (machineSums(provider).unread_tokens * 1000) / prefill_tps;
  const own_ms = (prompt_tokens * 1000) / prefill_tps;
  // Where the machine reports more that wait than were placed on it, they are taken to be like this one.
  const ahead_ms = prefillsAhead * own_ms;
  return {
    provider,
    slot,
    prompt_tokens,
    output_tokens: outputDemand_tokens(spec),
    load_ms,
    ahead,
    decode_tps,
    projectedDecode_tps: projectedRate_tps(provider, slot, spec, profile),
    prefill_tps,
    unread_ms,
    sparedPrefill_ms,
    ttft_ms: provider.slots ? load_ms + Math.max(unread_ms, ahead_ms) + own_ms - sparedPrefill_ms + 1000 / decode_tps : undefined,
  };
}

function worthSparing_ms(spared_ms: number, profile: CostProfile): number {
  return profile.affinity_ms_max > 0 && spared_ms >= profile.affinityWorth_ms ? spared_ms : 0;
}

function matched_tokens({ machineId }: ProviderView, { affinity, promptTokens }: RequestSpec): number {
  if (affinity === undefined || affinity.machineId !== machineId) return 0;
  return Math.max(0, Math.min(affinity.matched_tokens, promptTokens));
}

function loadTime_ms(slot: SlotView | undefined, build: string, rates: FleetRates | undefined, profile: CostProfile): number {
  if (isResident(slot)) return 0;
  const measured_ms = slot?.modelLoad_ms || rates?.load_ms(build) || 0;
  if (measured_ms > 0) return Math.min(Math.max(measured_ms, profile.measuredLoad_ms_min), profile.measuredLoad_ms_max);
  return slot?.state === "idle_shutdown" ? profile.wakeLoad_ms : profile.coldLoad_ms;
}

/** The machine's own measurement, else the fleet's median for its class, else its benchmark slowed down by what runs. */
function decodeRate_tps(
  provider: ProviderView,
  slot: SlotView | undefined,
  spec: RequestSpec,
  rates: FleetRates | undefined,
  profile: CostProfile,
): number {
  if (slot && slot.observedDecode_tps > 0) return slot.observedDecode_tps;
  const median_tps = rates?.decode_tps(spec.build, provider.computeClass) ?? 0;
  if (median_tps > 0) return median_tps;
  const slowed_tps = soloBenchmark_tps(provider, spec, profile) / (1 + profile.batchSlowdown * (slot?.running ?? 0));
  return Math.max(profile.unknownDecode_tps, slowed_tps);
}

function projectedRate_tps(provider: ProviderView, slot: SlotView | undefined, spec: RequestSpec, profile: CostProfile): number {
  const running = slot?.running ?? 0;
  const solo_tps =
    slot && slot.observedDecode_tps > 0
      ? slot.observedDecode_tps * (1 + profile.batchSlowdown * running)
      : soloBenchmark_tps(provider, spec, profile);
  return solo_tps / (1 + profile.batchSlowdown * (running + 1));
}

function prefillRate_tps(provider: ProviderView, slot: SlotView | undefined, spec: RequestSpec, profile: CostProfile): number {
  if (slot && slot.observedPrefill_tps > 0) return Math.min(slot.observedPrefill_tps, profile.prefill_tps_max);
  if (provider.staticPrefill_tps > 0) return Math.min(provider.staticPrefill_tps, profile.prefill_tps_max);
  return Math.min(soloBenchmark_tps(provider, spec, profile) * profile.prefillPerDecode, profile.prefill_tps_max);
}

function soloBenchmark_tps(
  { staticDecode_tps, memoryBandwidth_gbs = 0 }: ProviderView,
  { memory }: RequestSpec,
  profile: CostProfile,
): number {
  if (staticDecode_tps > 0) return staticDecode_tps;
  if (memoryBandwidth_gbs <= 0) return profile.unknownDecode_tps;
  const guess_tps = memory === undefined ? Math.sqrt(memoryBandwidth_gbs) : bandwidthDecode_tps(memoryBandwidth_gbs, memory);
  return Math.max(profile.unknownDecode_tps, guess_tps);
}
