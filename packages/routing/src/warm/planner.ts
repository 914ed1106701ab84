import type { LoadRefusal } from "@umbel/protocol";
import { isResident } from "../admission/residency.js";
import type { RequestSpec, RoutingContext } from "../types.js";
import { allocate } from "./allocate.js";
import { BuildMemory, type PressureKind } from "./build-memory.js";
import { type Demand, demandOf } from "./demand.js";
import { LoadLedger, type PendingLoad } from "./load-ledger.js";
import { WARM_DEFAULTS, WARM_LIMITS, type WarmSettings } from "./settings.js";
import { surplusCopies } from "./surplus.js";
import { coldSpill, survey, type WarmBuild, type WarmFleet } from "./survey.js";
import { demandWords, surplusWords } from "./words.js";

/** What a planner is told. */
export type WarmEvent =
  | { readonly type: PressureKind; readonly build: string }
  /** Requests that wait for the build; told at every change. `oldestSince_ms` is monotonic. */
  | { readonly type: "queue"; readonly build: string; readonly depth: number; readonly oldestSince_ms: number }
  /** A request ended well. */
  | { readonly type: "served"; readonly build: string; readonly prompt_tokens: number; readonly completion_tokens: number }
  | { readonly type: "load_succeeded"; readonly providerId: string; readonly build: string }
  | { readonly type: "load_failed"; readonly providerId: string; readonly build: string; readonly reason: LoadRefusal }
  /** A command of a plan could not be sent. */
  | { readonly type: "load_withdrawn"; readonly providerId: string; readonly build: string }
  | { readonly type: "provider_gone"; readonly providerId: string };

/** What is to be done on a machine, and why. */
export type WarmCommand =
  | {
      readonly type: "load";
      readonly providerId: string;
      readonly build: string;
      readonly evict: readonly string[];
      readonly reason: string;
    }
  /** A hint: the machine puts the build away if nothing runs on it. */
  | { readonly type: "unload"; readonly providerId: string; readonly build: string; readonly reason: string };

/** How one build stands: its demand by Little's law and its copies, in requests at once. */
export interface BuildDemand {
  readonly build: string;
  readonly load: number;
  readonly spills_perSecond: number;
  readonly target_places: number;
  readonly warm_places: number;
  readonly coming_places: number;
  readonly missing_places: number;
  readonly warmCopies: number;
  readonly comingCopies: number;
  readonly candidates: number;
  readonly pressure: readonly string[];
}

export interface WarmPlan {
  /** To be carried out in order, unless the planner only observes. */
  readonly commands: readonly WarmCommand[];
  readonly isObserveOnly: boolean;
  readonly builds: readonly BuildDemand[];
}

/**
 * Decides which builds should be in memory where. It remembers what it is told, in bounds, and nothing else: the same events and views at
 * the same instants give the same plans.
 */
export interface WarmPlanner {
  /** @param now_ms monotonic */
  record(event: WarmEvent, now_ms: number): void;
  /**
   * Loads and unloads for now; loads count as under way from here on. Of each build that somebody asked for of late it looks at the machines
   * that have it in memory or work for it, and at a bounded number of others.
   *
   * @param catalog a build's entry; undefined is no such build. Default: every build, whatever its hash
   */
  plan(fleet: WarmFleet, context: RoutingContext, catalog?: (build: string) => WarmBuild | undefined): WarmPlan;
  /** Machines that could load the build for a request now, or are loading it; of many, at most as many as one plan looks at. */
  couldLoad(spec: RequestSpec, fleet: WarmFleet, context: RoutingContext): number;
  readonly pendingLoads: readonly PendingLoad[];
  /** How long the build usually takes to load; 0 is unknown. */
  usualLoad_ms(build: string): number;
}

const ANY_BUILD: WarmBuild = { weightHash: "" };

/** @param changed what differs from `WARM_DEFAULTS` */
export function createWarmPlanner(changed: Partial<WarmSettings> = {}): WarmPlanner {
  const settings: WarmSettings = { ...WARM_DEFAULTS, ...changed };
  const memories = new Map<string, BuildMemory>();
  const ledger = new LoadLedger(settings);
  let turn = 0;

  function memoryOf(build: string): BuildMemory {
    const memory = memories.get(build) ?? new BuildMemory(settings);
    memories.delete(build);
    memories.set(build, memory);
    if (memories.size > WARM_LIMITS.builds_max) {
      const [oldest] = memories.keys();
      if (oldest !== undefined) memories.delete(oldest);
    }
    return memory;
  }

  function loadsAllowed(demands: readonly Demand[]): number {
    const { loadsPerPlan, loadsPerPlan_max, rampFraction, pendingLoads_max } = settings;
    if (loadsPerPlan === 0) return 0;
    const missing_copies = demands.reduce((sum, { missing_places, survey: { places_median } }) => sum + missing_places / places_median, 0);
    const ramp = Math.max(loadsPerPlan, Math.ceil(missing_copies * rampFraction));
    return Math.max(0, Math.min(ramp, loadsPerPlan_max, pendingLoads_max - ledger.pending.length));
  }

  const loading = (build: string): number => ledger.pending.filter((load) => load.build === build).length;

  return {
    get pendingLoads() {
      return ledger.pending;
    },
    usualLoad_ms: (build) => ledger.usual_ms(build),

    record(event, now_ms) {
      switch (event.type) {
        case "queue":
          memoryOf(event.build).queued(event.depth, event.oldestSince_ms, now_ms);
          return;
        case "served":
          memoryOf(event.build).served(event.prompt_tokens, event.completion_tokens, now_ms);
          return;
        case "load_succeeded":
          ledger.succeeded(event.providerId, event.build, now_ms);
          return;
        case "load_failed":
          ledger.failed(event.providerId, event.build, event.reason, now_ms);
          return;
        case "load_withdrawn":
          ledger.withdrawn(event.providerId, event.build);
          return;
        case "provider_gone":
          ledger.gone(event.providerId);
          return;
        default:
          memoryOf(event.build).pressed(event.type, now_ms);
      }
    },

    couldLoad(spec, fleet, context) {
      return loading(spec.build) + coldSpill(spec, { fleet, context, ledger });
    },

    plan(fleet, context, catalog = () => ANY_BUILD) {
      const { now_ms } = context;
      turn++;
      ledger.settle((providerId, build) => isResident(fleet.get(providerId)?.slots?.get(build)), now_ms);
      for (const [build, memory] of memories) if (memory.isFaded(now_ms)) memories.delete(build);

      const known = new Map<string, Demand>();
      const demandFor = (build: string): Demand => {
        const before = known.get(build);
        if (before !== undefined) return before;
        const surveyed = survey(build, catalog(build) ?? ANY_BUILD, { fleet, context, settings, ledger }, turn);
        const demand = demandOf(surveyed, memories.get(build), settings, now_ms);
        known.set(build, demand);
        return demand;
      };

      const asked = new Set([...memories.keys(), ...settings.minWarm.keys(), ...ledger.ours.map(({ build }) => build)]);
      const demands = [...asked].filter((build) => catalog(build) !== undefined).map(demandFor);
      const commands: WarmCommand[] = [];
      for (const { demand, target, evict } of allocate(demands, demandFor, settings, loadsAllowed(demands))) {
        const { build } = demand.survey;
        commands.push({ type: "load", providerId: target.view.id, build, evict, reason: demandWords(demand) });
        if (settings.observeOnly) continue;
        ledger.started(target.view.id, build, now_ms);
        memories.get(build)?.loadPlanned(now_ms);
      }
      for (const { providerId, build } of surplusCopies(ledger.ours, demandFor, settings, now_ms)) {
        commands.push({ type: "unload", providerId, build, reason: surplusWords(demandFor(build)) });
        if (!settings.observeOnly) ledger.putAway(providerId, build);
      }
      return { commands, isObserveOnly: settings.observeOnly, builds: demands.map(figures) };
    },
  };
}

function figures({ survey: surveyed, load, spills_perSecond, target_places, missing_places, pressure }: Demand): BuildDemand {
  const { build, warm_places, coming_places, warmCopies, coming, candidates } = surveyed;
  return {
    ...{ build, load, spills_perSecond, target_places, warm_places, coming_places, missing_places, pressure },
    ...{ warmCopies, comingCopies: coming, candidates: candidates.length },
  };
}
