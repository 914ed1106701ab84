import type { BuildMemory } from "./build-memory.js";
import type { WarmSettings } from "./settings.js";
import type { Survey } from "./survey.js";

/** How many places a build should have in memory, and why. A place is one request at once. */
export interface Demand {
  readonly survey: Survey;
  /** L: requests at once, by Little's law. */
  readonly load: number;
  /** Places that others may lose their memory for: the load itself, and at least one place under pressure; neither bursts nor wishes. */
  readonly needed_places: number;
  /** Places that copies in memory should come to, floors and earlier wishes included. */
  readonly target_places: number;
  /** Copies that stay whatever happens. */
  readonly floor: number;
  /** Places that are missing, those of running loads taken off. */
  readonly missing_places: number;
  /** Requests a second that found no place of late, or one that came too late. */
  readonly spills_perSecond: number;
  /** Why there are too few, in words; empty where only a floor or an earlier wish asks for more. */
  readonly pressure: readonly string[];
}

/** @param memory absent for a build that nobody has asked for of late */
export function demandOf(survey: Survey, memory: BuildMemory | undefined, settings: WarmSettings, now_ms: number): Demand {
  const { places_median, warm_places, coming_places, warmCopies, coming, candidates } = survey;
  const floor = settings.minWarm.get(survey.build) ?? 0;
  const load = littlesLaw(survey, memory, now_ms);
  const pressure = memory?.pressure(now_ms, survey.saturation) ?? [];
  const supply_places = warm_places + coming_places;
  const burst_places = settings.burst_copies * places_median;
  const isUsed = load >= NEGLIGIBLE_LOAD || pressure.length > 0;
  const comfortable_places = isUsed ? load + burst_places : 0;
  const candidate_places = candidates.reduce((sum, { places }) => sum + places, 0);
  // Without pressure nothing more is wished for than there is; with new pressure the figures are wrong, and one more copy is.
  const step_places = coming === 0 && memory?.isPressureNew() === true ? supply_places + 1 : 0;
  const wanted_places =
    pressure.length === 0
      ? Math.min(comfortable_places, supply_places)
      : Math.min(
          // Nothing else may use their memory: under pressure all of them serve (routing.md §12.4).
          survey.isDedicated ? Number.POSITIVE_INFINITY : Math.max(comfortable_places, step_places),
          supply_places + candidate_places,
        );
  const held_places = memory?.held_places(wanted_places, now_ms) ?? wanted_places;
  const floor_places = Math.max(0, floor - warmCopies - coming) * places_median;
  const target_places = Math.max(held_places, floor_places === 0 ? 0 : supply_places + floor_places);
  const missing_places = Math.max(0, target_places - supply_places);
  const needed_places = pressure.length > 0 ? Math.max(load, 1) : load;
  const spills_perSecond = memory?.spills_perSecond(now_ms) ?? 0;
  return { survey, load, spills_perSecond, needed_places, target_places, floor, missing_places, pressure };
}

/** Requests at once below which a build counts as unused. */
const NEGLIGIBLE_LOAD = 0.01;

/** L = λ × E[S], or what is at work now if that is more; and what waits, and what finds no place while it comes. */
function littlesLaw({ atWork, prefill_tps, decode_tps }: Survey, memory: BuildMemory | undefined, now_ms: number): number {
  if (memory === undefined) return atWork;
  const service_s = memory.service_s(prefill_tps, decode_tps);
  const served = memory.served_perSecond(now_ms) * service_s;
  return Math.max(atWork, served) + memory.queueDepth(now_ms) + memory.spills_perSecond(now_ms) * service_s;
}
