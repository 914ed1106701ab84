import type { Demand } from "./demand.js";
import { evictionsFor } from "./room.js";
import { WARM_LIMITS, type WarmSettings } from "./settings.js";
import type { Candidate } from "./survey.js";

/** One load that a plan decides on. */
export interface Assignment {
  readonly demand: Demand;
  readonly target: Candidate;
  /** Builds to put away first. */
  readonly evict: readonly string[];
}

/** The first copy of a build anywhere is worth twice its places: without it nobody is served at all. The last one is missed as much. */
const ONLY_COPY_WEIGHT = 2;
/** Below this size builds count as equally small. */
const SIZE_GB_MIN = 0.1;

/**
 * Gives machines to builds, all builds at once: always the load next that brings the most missing places for its memory, what is put away
 * for it taken off. Each machine is given once.
 *
 * @param demandOf of any build that may have to be put away
 * @param loads_max how many
 */
export function allocate(
  demands: readonly Demand[],
  demandOf: (build: string) => Demand,
  settings: WarmSettings,
  loads_max: number,
): readonly Assignment[] {
  const assignments: Assignment[] = [];
  const taken = new Set<string>();
  const added_places = new Map<string, number>();
  const removed = new Map<string, { copies: number; places: number }>();

  /** Memory that nobody needs goes to whoever wishes for more; memory in use only to those who need it. */
  function gainOf({ survey, missing_places, needed_places }: Demand, candidate: Candidate, takesFromOthers: boolean): number {
    const added = added_places.get(survey.build) ?? 0;
    const isFirst = survey.warmCopies === 0 && survey.coming === 0 && added === 0;
    const wanted_places = takesFromOthers ? needed_places - survey.warm_places - survey.coming_places : missing_places;
    return Math.min(wanted_places - added, candidate.places) * (isFirst ? ONLY_COPY_WEIGHT : 1);
  }

  /** Places that those who use the build would miss if its copy on the machine went away. */
  function lossOf(build: string, providerId: string): number {
    const { survey, needed_places, floor } = demandOf(build);
    const copy = survey.warmAt(providerId);
    if (copy === undefined) return 0;
    const gone = removed.get(build) ?? { copies: 0, places: 0 };
    const copiesLeft = survey.warmCopies - gone.copies - 1;
    if (copiesLeft < floor) return Number.POSITIVE_INFINITY;
    const before_places = survey.warm_places - gone.places;
    const loss = Math.max(0, needed_places - (before_places - copy.places)) - Math.max(0, needed_places - before_places);
    return loss * (copiesLeft === 0 ? ONLY_COPY_WEIGHT : 1);
  }

  function assignmentOf(demand: Demand, target: Candidate): (Assignment & { readonly value: number }) | undefined {
    const loss = (build: string) => lossOf(build, target.view.id);
    const memory = (build: string) => demandOf(build).survey.memory;
    const evict = evictionsFor(target.view, demand.survey.loaded_gb, { loss, memory });
    if (evict === undefined) return undefined;
    const lost = evict.reduce((sum, build) => sum + loss(build), 0);
    const gain = gainOf(demand, target, lost > 0) - settings.evictionMargin * lost;
    return gain > 0 ? { demand, target, evict, value: gain / Math.max(demand.survey.loaded_gb, SIZE_GB_MIN) } : undefined;
  }

  while (assignments.length < loads_max) {
    let best: (Assignment & { readonly value: number }) | undefined;
    for (const demand of demands) {
      if (demand.missing_places - (added_places.get(demand.survey.build) ?? 0) <= 0) continue;
      const free = demand.survey.candidates.filter(({ view }) => !taken.has(view.id));
      for (const target of free.slice(0, WARM_LIMITS.weighed_max)) {
        const assignment = assignmentOf(demand, target);
        if (assignment !== undefined && isBetter(assignment, best)) best = assignment;
      }
    }
    if (best === undefined) return assignments;
    const { demand, target, evict } = best;
    assignments.push({ demand, target, evict });
    taken.add(target.view.id);
    added_places.set(demand.survey.build, (added_places.get(demand.survey.build) ?? 0) + target.places);
    for (const build of evict) {
      const gone = removed.get(build) ?? { copies: 0, places: 0 };
      const places = demandOf(build).survey.warmAt(target.view.id)?.places ?? 0;
      removed.set(build, { copies: gone.copies + 1, places: gone.places + places });
    }
  }
  return assignments;
}

/** Builds under pressure first; then by worth, by how good a place the machine is, and by name, so that equal fleets give equal plans. */
function isBetter(a: Assignment & { readonly value: number }, b: (Assignment & { readonly value: number }) | undefined): boolean {
  if (b === undefined) return true;
  const [aPressed, bPressed] = [a.demand.pressure.length > 0, b.demand.pressure.length > 0];
  if (aPressed !== bPressed) return aPressed;
  if (a.value !== b.value) return a.value > b.value;
  if (a.target.score !== b.target.score) return a.target.score > b.target.score;
  const [aName, bName] = [a, b].map(({ demand, target }) => `${demand.survey.build}\n${target.view.id}`) as [string, string];
  return aName < bName;
}
