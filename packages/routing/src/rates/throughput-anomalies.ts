import { bandwidthDecode_tps, type Weights } from "../cost/bandwidth-decode.js";
import type { ProviderView } from "../types.js";

/** When a kind of machine counts as slower than its memory explains (routing.md §17). */
export interface AnomalyLimits {
  /** Of the median over what is expected: below it is an anomaly. */
  readonly ratio: number;
  /** Machines of the kind that must have measured themselves. */
  readonly samples_min: number;
  /** Of the bandwidth, in use while tokens are written. */
  readonly share: number;
}

/** What is known of a machine's speed. */
export type MeasuredMachine = Pick<ProviderView, "computeClass" | "slots" | "memoryBandwidth_gbs">;

/** Machines of one compute class that write a build far slower than their memory allows. */
export interface ThroughputAnomaly {
  readonly computeClass: string;
  readonly machines: number;
  readonly observed_tps: number;
  readonly expected_tps: number;
}

/**
 * Holds what machines measure to what their memory allows, a compute class at a time: a driver, a flag or a build that runs on the wrong
 * device shows there. Only slots with one stream at most count, since more streams are slower each; machines that have not measured
 * themselves, and whose bandwidth is unknown, are left out.
 *
 * @param views machines that offer the build
 */
export function throughputAnomalies(
  build: string,
  weights: Weights,
  views: Iterable<MeasuredMachine>,
  { ratio, samples_min, share }: AnomalyLimits,
): readonly ThroughputAnomaly[] {
  const classes = new Map<string, { readonly observed_tps: number[]; readonly expected_tps: number[] }>();
  for (const { computeClass, slots, memoryBandwidth_gbs = 0 } of views) {
    const slot = slots?.get(build);
    if (slot === undefined || slot.running > 1 || slot.observedDecode_tps <= 0 || memoryBandwidth_gbs <= 0) continue;
    const rates = classes.get(computeClass) ?? { observed_tps: [], expected_tps: [] };
    classes.set(computeClass, rates);
    rates.observed_tps.push(slot.observedDecode_tps);
    rates.expected_tps.push(bandwidthDecode_tps(memoryBandwidth_gbs, weights, share));
  }
  const anomalies: ThroughputAnomaly[] = [];
  for (const [computeClass, rates] of classes) {
    const [observed_tps, expected_tps] = [median(rates.observed_tps), median(rates.expected_tps)];
    const machines = rates.observed_tps.length;
    if (machines >= samples_min && observed_tps < ratio * expected_tps)
      anomalies.push({ computeClass, machines, observed_tps, expected_tps });
  }
  return anomalies;
}

/** Of an odd number the middle one; of an even one the lower of the two. */
function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor((numbers.length - 1) / 2)] ?? 0;
}
