import type { ProviderView } from "../types.js";
import { gib } from "./gib.js";
import { isResident } from "./residency.js";

/** Memory a machine must have for each byte of a build's files: weights, cache and the rest of the system (routing.md §4.3). */
const MEMORY_PER_SIZE = 2;

/** Whether the machine could ever hold the build. A build in memory has shown that it fits; unknown figures pass. */
export function fitsHardware(provider: Pick<ProviderView, "builds" | "slots" | "totalMemory_gb">, build: string): boolean {
  const size_gb = gib(provider.builds.get(build)?.size_bytes ?? 0);
  if (size_gb === 0 || provider.totalMemory_gb === 0) return true;
  return isResident(provider.slots?.get(build)) || size_gb * MEMORY_PER_SIZE <= provider.totalMemory_gb;
}
