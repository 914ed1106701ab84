import type { ObservedRates, ProviderView } from "@umbel/routing";

/** Learns from what a machine has measured since its last report. @param before what that said */
export function learnRates(
  rates: Pick<ObservedRates, "decoded" | "loaded">,
  before: ProviderView["slots"],
  { slots, computeClass }: ProviderView,
): void {
  for (const { build, observedDecode_tps, modelLoad_ms } of slots?.values() ?? []) {
    const known = before?.get(build);
    if (observedDecode_tps !== known?.observedDecode_tps) rates.decoded(build, computeClass, observedDecode_tps);
    if (modelLoad_ms !== known?.modelLoad_ms) rates.loaded(build, modelLoad_ms);
  }
}
