import type { Demand } from "./demand.js";
import { isIdle } from "./idle.js";
import type { WarmSettings } from "./settings.js";

interface OwnCopy {
  readonly providerId: string;
  readonly build: string;
  readonly since_ms: number;
}

/**
 * Copies that plans brought into memory, had their time, and are needed no more. The last copy of a build is nobody's surplus: it goes when
 * its memory is wanted, or when its machine says so. So is what a machine loaded by itself.
 */
export function surplusCopies(
  ours: readonly OwnCopy[],
  demandOf: (build: string) => Demand,
  settings: WarmSettings,
  now_ms: number,
): readonly OwnCopy[] {
  const gone = new Map<string, { copies: number; places: number }>();
  return ours.filter(({ providerId, build, since_ms }) => {
    const { survey, target_places, floor, pressure } = demandOf(build);
    const copy = survey.warmAt(providerId);
    if (copy === undefined || !isIdle(copy.view) || now_ms - since_ms < settings.minDwell_ms || pressure.length > 0) return false;
    const before = gone.get(build) ?? { copies: 0, places: 0 };
    const copiesLeft = survey.warmCopies - before.copies - 1;
    const placesLeft = survey.warm_places - before.places - copy.places;
    if (copiesLeft < Math.max(1, floor) || placesLeft < target_places) return false;
    gone.set(build, { copies: before.copies + 1, places: before.places + copy.places });
    return true;
  });
}
