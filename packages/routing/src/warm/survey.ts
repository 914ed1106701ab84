import { qualityPlaces } from "../admission/concurrency.js";
import { gib } from "../admission/gib.js";
import { isResident } from "../admission/residency.js";
import { measure } from "../cost/measure.js";
import { costProfileOf } from "../cost/profile.js";
import { firstRefusal } from "../gates/profiles.js";
import type { ProviderView, RequestSpec, RoutingContext } from "../types.js";
import { isIdle } from "./idle.js";
import type { LoadLedger } from "./load-ledger.js";
import { targetScore } from "./score.js";
import { WARM_LIMITS, type WarmSettings } from "./settings.js";

/** What the catalogue knows of a build and machines do not say. */
export interface WarmBuild {
  /** Expected aggregate hash; empty skips the comparison. */
  readonly weightHash: string;
  readonly kvBytesPerToken?: number;
}

/** The fleet as a plan sees it; a `FleetIndex` is one. */
export interface WarmFleet {
  get(providerId: string): ProviderView | undefined;
  views(build: string): Iterable<ProviderView>;
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
  /** Memory of one copy. */
  readonly size_gb: number;
  readonly warm: ReadonlyMap<string, Copy>;
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

/** Looks once at every machine that offers the build. */
export function survey(
  build: string,
  known: WarmBuild,
  fleet: WarmFleet,
  context: RoutingContext,
  settings: WarmSettings,
  ledger: LoadLedger,
): Survey {
  const spec = ordinaryRequest(build, known);
  const profile = costProfileOf(context);
  const warm = new Map<string, Copy>();
  const candidates: Candidate[] = [];
  const [places, prefills, decodes]: [number[], number[], number[]] = [[], [], []];
  let [size_gb, coming, coming_places, warm_places, atWork, saturated] = [0, 0, 0, 0, 0, 0];

  for (const view of fleet.views(build)) {
    if (firstRefusal("warm_check", view, spec, context) !== undefined) continue;
    size_gb ||= gib(view.builds.get(build)?.size_bytes ?? 0);
    const slot = view.slots?.get(build);
    const load = Math.max(view.pending.get(build)?.requests ?? 0, (slot?.running ?? 0) + (slot?.waiting ?? 0));
    atWork += load;
    const isWarm = isResident(slot);
    // Work that was placed on a machine without the build makes it load the build by itself.
    const isComing = !isWarm && (load > 0 || ledger.pendingOf(view.id)?.build === build);
    const mayLoad = !isWarm && !isComing && candidates.length < WARM_LIMITS.candidates_max && isTarget(view, spec, context, ledger);
    if (!isWarm && !isComing && !mayLoad) continue;
    const copy = { view, places: qualityPlaces(view, build, profile, settings.fallbackPlaces) };
    if (isWarm) {
      warm.set(view.id, copy);
      warm_places += copy.places;
      if (load >= copy.places) saturated++;
    } else if (isComing) {
      coming++;
      coming_places += copy.places;
    } else {
      candidates.push({ ...copy, score: targetScore(view) });
    }
    if (places.length >= WARM_LIMITS.sampled_max) continue;
    const { prefill_tps, decode_tps } = measure(view, spec, context);
    places.push(copy.places);
    prefills.push(prefill_tps);
    decodes.push(decode_tps);
  }

  candidates.sort((a, b) => b.score - a.score || (a.view.id < b.view.id ? -1 : 1));
  return {
    ...{ build, size_gb, warm, warm_places, coming, coming_places, atWork, candidates },
    saturation: warm.size === 0 ? 0 : saturated / warm.size,
    places_median: Math.max(1, median(places)),
    prefill_tps: median(prefills),
    decode_tps: median(decodes),
  };
}

/** Whether the build may be loaded there now: by every gate of an ordinary public request, and without taking anything from anybody. */
function isTarget(view: ProviderView, spec: RequestSpec, context: RoutingContext, ledger: LoadLedger): boolean {
  if (view.managed === false || view.slots === undefined || !isIdle(view)) return false;
  if (ledger.pendingOf(view.id) !== undefined || ledger.isResting(view.id, spec.build, context.now_ms)) return false;
  return firstRefusal("select", view, spec, context) === undefined;
}

function ordinaryRequest(build: string, { weightHash, kvBytesPerToken }: WarmBuild): RequestSpec {
  return {
    ...{ requestId: "", accountId: "", build, weightHash, promptTokens: 500, maxOutputTokens: 256 },
    ...{ needsTools: false, needsVision: false, excluded: NOBODY, allowedMachines: undefined, route: "public" },
    ...{ avoidVersion: undefined, ttftCeiling_ms: undefined },
    ...(kvBytesPerToken !== undefined && { kvBytesPerToken }),
  };
}

const NOBODY: ReadonlySet<string> = new Set();

function median(values: number[]): number {
  values.sort((a, b) => a - b);
  return values[values.length >> 1] ?? 0;
}
