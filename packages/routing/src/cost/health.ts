import type { ProviderView } from "../types.js";
import type { CostProfile } from "./profile.js";
import type { CostTerm } from "./term.js";

export const health: CostTerm = {
  name: "health",
  words: "memory pressure, processor load and heat of the machine",
  cost_ms: ({ provider }, profile) => strain_ms(provider, profile),
};

/** What it costs whoever comes, whatever they ask for. */
export function strain_ms({ memoryPressure, cpuUsage, thermal }: ProviderView, profile: CostProfile): number {
  return memoryPressure * profile.memoryPressure_ms + cpuUsage * profile.cpu_ms + heat_ms(thermal, profile);
}

function heat_ms(thermal: ProviderView["thermal"], profile: CostProfile): number {
  switch (thermal) {
    case "nominal":
      return 0;
    case "fair":
      return profile.thermalFair_ms;
    // A critical machine is refused by its gate; should a profile admit it, it costs no less than a serious one.
    case "serious":
    case "critical":
      return profile.thermalSerious_ms;
  }
}
