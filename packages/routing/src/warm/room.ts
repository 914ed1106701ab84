import { gib } from "../admission/gib.js";
import { loadedSize_gb } from "../admission/memory.js";
import { isResident } from "../admission/residency.js";
import type { BuildMemory, ProviderView } from "../types.js";

/** Of a build that may have to be put away. */
interface Resident {
  /** Places that would be missed. */
  loss(build: string): number;
  /** What the catalogue knows; undefined is nothing. */
  memory(build: string): BuildMemory | undefined;
}

/**
 * What an idle machine would have to put away for one more build, the cheapest first; undefined when even that is not enough.
 *
 * @param needed_gb memory that the new build takes when it is loaded
 */
export function evictionsFor(view: ProviderView, needed_gb: number, { loss, memory }: Resident): readonly string[] | undefined {
  const residents = [...(view.slots?.values() ?? [])]
    .filter((slot) => isResident(slot))
    .map(({ build }) => ({ build, loaded_gb: loadedSize_gb(sizeOf(view, build), { memory: memory(build) }), loss: loss(build) }))
    .sort((a, b) => a.loss - b.loss || b.loaded_gb - a.loaded_gb || (a.build < b.build ? -1 : 1));
  let free_gb = (view.freeForLoad_gb ?? view.totalMemory_gb) - residents.reduce((sum, resident) => sum + resident.loaded_gb, 0);
  let free_slots = (view.residentModels_max ?? Number.POSITIVE_INFINITY) - residents.length;
  const evicted: string[] = [];
  for (const resident of residents) {
    if (free_gb >= needed_gb && free_slots >= 1) break;
    evicted.push(resident.build);
    free_gb += resident.loaded_gb;
    free_slots++;
  }
  return free_gb >= needed_gb && free_slots >= 1 ? evicted : undefined;
}

function sizeOf(view: ProviderView, build: string): number {
  return gib(view.builds.get(build)?.size_bytes ?? 0);
}
