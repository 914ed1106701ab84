import type { ProviderView, RequestSpec } from "../types.js";
import { gib } from "./gib.js";
import { isResident } from "./residency.js";

/** Memory a machine must have for each byte of a build's files: weights, cache and the rest of the system (routing.md §4.3). */
const MEMORY_PER_SIZE = 2;

type Hardware = Pick<ProviderView, "builds" | "slots" | "totalMemory_gb" | "cardMemory_gb">;

/** Whether the machine could ever hold the build. A build in memory has shown that it fits; unknown figures pass. */
export function fitsHardware(provider: Hardware, { build, memory }: Pick<RequestSpec, "build" | "memory">): boolean {
  const size_gb = gib(provider.builds.get(build)?.size_bytes ?? 0);
  if (size_gb === 0 || provider.totalMemory_gb === 0 || isResident(provider.slots?.get(build))) return true;
  if (memory === undefined) return size_gb * MEMORY_PER_SIZE <= provider.totalMemory_gb;
  const { totalMemory_gb, cardMemory_gb = 0 } = provider;
  // On the card alone, or divided between both memories as may be.
  return memory.minVram_gb <= cardMemory_gb || memory.minRam_gb <= totalMemory_gb + cardMemory_gb;
}
