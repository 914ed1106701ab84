/** What a machine of so much memory is to come to in a month at least, in USD. Source: money.md §14. */
const TIERS: readonly (readonly [memory_gb: number, monthly_usd: number])[] = [
  [512, 40],
  [192, 30],
  [128, 26],
  [96, 22],
  [64, 18],
  [48, 16],
  [32, 12],
  [24, 10],
];

/** The largest tier that the memory meets; 0 below all of them. */
export function monthlyFloor_microUsd(memory_gb: number): bigint {
  const [, usd] = TIERS.find(([least_gb]) => memory_gb >= least_gb) ?? [0, 0];
  return BigInt(usd) * 1_000_000n;
}

/** Machines that carry the common models: they come first for half of the budget. */
export function isWorkhorse(memory_gb: number): boolean {
  return memory_gb >= 48 && memory_gb <= 96;
}

/** Memory that counts: what is reported, up to what such machines come with. Undefined for a class that nobody has looked at yet. */
export function countedMemory_gb(reported_gb: number, computeClass: string, caps: ReadonlyMap<string, number>): number | undefined {
  // A processor's memory is not an accelerator's.
  const cap = caps.get(computeClass) ?? (computeClass.startsWith("cpu-") ? 0 : undefined);
  return cap === undefined ? undefined : Math.min(reported_gb, cap);
}
