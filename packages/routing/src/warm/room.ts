import { gib } from "../admission/gib.js";
import { LOAD_OVERHEAD } from "../admission/memory.js";
import { isResident } from "../admission/residency.js";
import type { ProviderView } from "../types.js";

/** What an idle machine would have to put away for one more build, the cheapest first; undefined when even that is not enough. */
export function evictionsFor(view: ProviderView, size_gb: number, lossOf: (build: string) => number): readonly string[] | undefined {
  const residents = [...(view.slots?.values() ?? [])]
    .filter((slot) => isResident(slot))
    .map(({ build }) => ({ build, size_gb: sizeOf(view, build), loss: lossOf(build) }))
    .sort((a, b) => a.loss - b.loss || b.size_gb - a.size_gb || (a.build < b.build ? -1 : 1));
  const needed_gb = size_gb * LOAD_OVERHEAD;
  let free_gb =
    (view.freeForLoad_gb ?? view.totalMemory_gb) - residents.reduce((sum, resident) => sum + resident.size_gb, 0) * LOAD_OVERHEAD;
  let free_slots = (view.residentModels_max ?? Number.POSITIVE_INFINITY) - residents.length;
  const evicted: string[] = [];
  for (const resident of residents) {
    if (free_gb >= needed_gb && free_slots >= 1) break;
    evicted.push(resident.build);
    free_gb += resident.size_gb * LOAD_OVERHEAD;
    free_slots++;
  }
  return free_gb >= needed_gb && free_slots >= 1 ? evicted : undefined;
}

function sizeOf(view: ProviderView, build: string): number {
  return gib(view.builds.get(build)?.size_bytes ?? 0);
}
