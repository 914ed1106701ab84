import type { ProviderView } from "@umbel/routing";

/** A machine that vanished under memory pressure was most likely ended by its system; at work, less pressure is needed (routing.md §2.4). */
export function looksOutOfMemory({ memoryPressure }: ProviderView, attempts: number): boolean {
  return memoryPressure >= (attempts > 0 ? 0.8 : 0.9);
}
