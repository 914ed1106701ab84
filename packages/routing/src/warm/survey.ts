import { requestsAhead } from "../admission/ahead.js";
import { qualityPlaces } from "../admission/concurrency.js";
import { gib } from "../admission/gib.js";
import { loadedSize_gb } from "../admission/memory.js";
import { isResident } from "../admission/residency.js";
import { measure } from "../cost/measure.js";
import { costProfileOf } from "../cost/profile.js";
import { firstRefusal } from "../gates/profiles.js";
import type { BuildMemory, ProviderView, RequestSpec, RoutingContext } from "../types.js";
import { isIdle } from "./idle.js";
import type { LoadLedger } from "./load-ledger.js";
import { targetScore } from "./score.js";
import { WARM_LIMITS, type WarmSettings } from "./settings.js";

/** What the catalogue knows of a build and machines do not say. */
export interface WarmBuild {
  /** Expected aggregate hash; empty skips the comparison. */
  readonly weightHash: string;
  /** Hashes that do as well for a while. */
  readonly formerHashes?: ReadonlySet<string>;
  readonly kvBytesPerToken?: number;
  readonly memory?: BuildMemory;
  /** Builds with which it shares machines, itself among them; absent where it may be anywhere. */
  readonly dedicated?: ReadonlySet<string>;
}

/** The fleet as a plan sees it; a `FleetIndex` is one. */
export interface WarmFleet {
  get(providerId: string): ProviderView | undefined;
  /** Machines that offer the build. */
  views(build: string): Iterable<ProviderView>;
  /** Of these, the ones that have it in memory or work for it, perhaps with others; absent is to be found out by looking at all. */
  engaged?(build: string): Iterable<ProviderView>;
}

/** One copy of a build that serves anybody, or a machine that could hold one. */
export interface Copy {
  readonly view: ProviderView;
  /** Requests at once that it is good for. */
  readonly places: number;
}

export interface Candidate extends Copy {
  readonly score: number;
}

/** Everything a plan needs to know of one build over the fleet. */
export interface Survey {
  readonly build: string;
  /** Whether its machines serve nothing else. */
  readonly isDedicated: boolean;
  /** Memory of one copy, and what the catalogue knows of it; undefined is nothing, and the files of a copy tell. */
  readonly loaded_gb: number;
  readonly memory: BuildMemory | undefined;
  readonly warmCopies: number;
  /** The copy in memory on a machine that serves anybody. */
  warmAt(providerId: string): Copy | undefined;
  /** Places of the copies in memory, and of those that are being loaded. */
  readonly warm_places: number;
  readonly coming: number;
  readonly coming_places: number;
  /** Requests on machines, at work or waiting there. */
  readonly atWork: number;
  /** Share of copies in memory that have no free place. */
  readonly saturation: number;
  /** Machines that could load it, the best first. */
  readonly candidates: readonly Candidate[];
  /** Medians over the machines above; of places never below one. */
  readonly places_median: number;
  readonly prefill_tps: number;
  readonly decode_tps: number;
}

/** Everything that a survey leans on. */
export interface SurveyMeans {
  readonly fleet: WarmFleet;
  readonly context: RoutingContext;
  readonly settings: WarmSettings;
  readonly ledger: LoadLedger;
}

/**
 * Looks at every machine that has the build in memory or work for it, and at some of those that could load it: where many could, others than
 * before each time.
 *
 * @param turn counts surveys of the build
 */
export function survey(build: string, known: WarmBuild, means: SurveyMeans, turn = 0): Survey {
  const { fleet, context, settings, ledger } = means;
  const spec = ordinaryRequest(build, known);
  const profile = costProfileOf(context);
  const candidates: Candidate[] = [];
  const seen = createMedians(spec, context);
  let [size_gb, coming, coming_places, warmCopies, warm_places, atWork, saturated] = [0, 0, 0, 0, 0, 0, 0];

  /** Allocates nothing: in a large fleet there are very many. */
  const placesOn = (view: ProviderView): number => {
    size_gb ||= gib(view.builds.get(build)?.size_bytes ?? 0);
    const places = qualityPlaces(view, build, profile, settings.fallbackPlaces);
    seen.add(view, places);
    return places;
  };
  const standsFor = (view: ProviderView): boolean => firstRefusal("warm_check", view, spec, context) === undefined;
  const isComing = (view: ProviderView): boolean => ledger.pendingOf(view.id)?.build === build;

  for (const view of engagedIn(fleet, build, ledger)) {
    const slot = view.slots?.get(build);
    const load = requestsAhead(slot, view.pending.get(build));
    // Work that was placed on a machine without the build makes it load the build by itself.
    if (!isResident(slot) && load === 0 && !isComing(view)) continue;
    if (!standsFor(view)) continue;
    atWork += load;
    const places = placesOn(view);
    if (isResident(slot)) {
      warmCopies++;
      warm_places += places;
      if (load >= places) saturated++;
    } else {
      coming++;
      coming_places += places;
    }
  }
  for (const view of someOf(() => fleet.views(build), turn)) {
    if (candidates.length >= WARM_LIMITS.candidates_max) break;
    if (isResident(view.slots?.get(build)) || !isTarget(view, spec, means, "load_target")) continue;
    candidates.push({ view, places: placesOn(view), score: targetScore(view) });
  }

  candidates.sort((a, b) => b.score - a.score || (a.view.id < b.view.id ? -1 : 1));
  return {
    isDedicated: known.dedicated !== undefined,
    ...{ build, memory: known.memory, warmCopies, warm_places, coming, coming_places, atWork, candidates },
    loaded_gb: loadedSize_gb(size_gb, known),
    saturation: warmCopies === 0 ? 0 : saturated / warmCopies,
    warmAt(providerId) {
      const view = fleet.get(providerId);
      if (view === undefined || !isResident(view.slots?.get(build)) || !standsFor(view)) return undefined;
      return { view, places: qualityPlaces(view, build, profile, settings.fallbackPlaces) };
    },
    ...seen.medians(),
  };
}

/** Machines that could load the build for the request, without taking anything from anybody; of many, those among the first looked at. */
export function coldSpill(spec: RequestSpec, means: Pick<SurveyMeans, "fleet" | "context" | "ledger">): number {
  let count = 0;
  for (const view of someOf(() => means.fleet.views(spec.build), 0)) {
    if (!isResident(view.slots?.get(spec.build)) && isTarget(view, spec, means, "cold_spill")) count++;
  }
  return count;
}

/** Machines that have the build, work for it, or a load of it under way. */
function* engagedIn(fleet: WarmFleet, build: string, ledger: LoadLedger): Iterable<ProviderView> {
  if (fleet.engaged === undefined) {
    yield* fleet.views(build);
    return;
  }
  const loading = new Set(ledger.pending.flatMap((load) => (load.build === build ? [load.providerId] : [])));
  for (const view of fleet.engaged(build)) {
    loading.delete(view.id);
    yield view;
  }
  for (const providerId of loading) {
    const view = fleet.get(providerId);
    if (view !== undefined) yield view;
  }
}

/** A bounded number of machines, spread over all there are; each turn begins elsewhere. All of them where they are few. */
function* someOf(views: () => Iterable<ProviderView>, turn: number): Iterable<ProviderView> {
  let count = 0;
  for (const _ of views()) count++;
  const step = Math.max(1, Math.ceil(count / WARM_LIMITS.looked_max));
  let at = 0;
  for (const view of views()) if (at++ % step === turn % step) yield view;
}

interface Medians {
  add(view: ProviderView, places: number): void;
  medians(): Pick<Survey, "places_median" | "prefill_tps" | "decode_tps">;
}

/** Over the first copies that it sees. */
function createMedians(spec: RequestSpec, context: RoutingContext): Medians {
  const [places, prefills, decodes]: [number[], number[], number[]] = [[], [], []];
  return {
    add(view, ofCopy) {
      if (places.length >= WARM_LIMITS.sampled_max) return;
      const { prefill_tps, decode_tps } = measure(view, spec, context);
      places.push(ofCopy);
      prefills.push(prefill_tps);
      decodes.push(decode_tps);
    },
    medians: () => ({ places_median: Math.max(1, median(places)), prefill_tps: median(prefills), decode_tps: median(decodes) }),
  };
}

/** Whether the build may be loaded there now, without taking anything from anybody. */
function isTarget(
  view: ProviderView,
  spec: RequestSpec,
  { context, ledger }: Pick<SurveyMeans, "context" | "ledger">,
  profile: "load_target" | "cold_spill",
): boolean {
  if (view.managed === false || view.slots === undefined || !isIdle(view)) return false;
  if (ledger.pendingOf(view.id) !== undefined || ledger.isResting(view.id, spec.build, context.now_ms)) return false;
  return firstRefusal(profile, view, spec, context) === undefined;
}

function ordinaryRequest(build: string, { weightHash, formerHashes, kvBytesPerToken, memory, dedicated }: WarmBuild): RequestSpec {
  return {
    ...(dedicated !== undefined && { dedicated }),
    ...(formerHashes !== undefined && { formerHashes }),
    ...{ requestId: "", accountId: "", build, weightHash, promptTokens: 500, maxOutputTokens: 256 },
    ...{ needsTools: false, needsVision: false, excluded: NOBODY, allowedMachines: undefined, route: "public" },
    ...{ avoidVersion: undefined, ttftCeiling_ms: undefined },
    ...(kvBytesPerToken !== undefined && { kvBytesPerToken }),
    ...(memory !== undefined && { memory }),
  };
}

const NOBODY: ReadonlySet<string> = new Set();

function median(values: number[]): number {
  values.sort((a, b) => a - b);
  return values[values.length >> 1] ?? 0;
}
