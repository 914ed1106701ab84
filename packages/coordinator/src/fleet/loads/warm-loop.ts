import type { Clock, FromCoordinator, LoadModelStatus } from "@umbel/protocol";
import {
  type BuildDemand,
  createWarmPlanner,
  type RequestSpec,
  type RoutingContext,
  type WarmCommand,
  type WarmEvent,
  type WarmFleet,
  type WarmSettings,
} from "@umbel/routing";
import type { FleetEvents, FleetLog } from "../ports.js";
import type { FleetCatalog } from "./fleet-catalog.js";

/** What an operator may change about loading models. */
export interface WarmPoolSettings {
  /** Whether machines are told to load anything at all. */
  readonly isEnabled: boolean;
  readonly interval_ms: number;
  /** What differs from `WARM_DEFAULTS`. */
  readonly planner: Partial<WarmSettings>;
}

/** Between plans that pressure asks for: a burst of refusals is one reason, not hundreds. */
export const PLANS_APART_MS = 1_000;
/** However much presses, plans take at most this share of the time. */
const PLANNING_SHARE_MAX = 0.05;

export interface WarmLoopDependencies {
  readonly clock: Clock;
  readonly settings: WarmPoolSettings;
  readonly fleet: WarmFleet;
  readonly context: () => RoutingContext;
  readonly catalog: FleetCatalog | undefined;
  /** Sends a message to a machine; false when it is gone or does not read. */
  readonly send: (sessionId: string, message: FromCoordinator) => boolean;
  readonly log: FleetLog;
  readonly events: FleetEvents;
}

/** Keeps models in memory where they are wanted: collects what says so, plans, and tells machines. */
export interface WarmLoop {
  /** Something happened that a plan should know. Pressure brings the next plan forward. */
  record(event: WarmEvent): void;
  /** Requests that wait for the build. */
  queued(build: string, depth: number): void;
  /** What became of a load that a machine was told. */
  loadStatus(sessionId: string, status: LoadModelStatus): void;
  /** How builds stood in the last plan. */
  readonly demand: readonly BuildDemand[];
  readonly pendingLoads: number;
  /** Machines that hold the request's build on disk and are loading it, or could load it for the request. */
  couldLoad(spec: RequestSpec): number;
  stop(): void;
}

const PRESSING: ReadonlySet<WarmEvent["type"]> = new Set(["capacity_reject", "ttft_miss", "hedge_started", "hedge_won", "cold_dispatch"]);

export function createWarmLoop(dependencies: WarmLoopDependencies): WarmLoop {
  const { clock, settings, fleet, context, catalog, events, log } = dependencies;
  const planner = createWarmPlanner(settings.planner);
  const waitingSince_ms = new Map<string, number>();
  let demand: readonly BuildDemand[] = [];
  let plannedAt_ms = Number.NEGATIVE_INFINITY;
  let apart_ms = PLANS_APART_MS;
  let cancelNext: () => void = () => undefined;
  let next_ms = Number.POSITIVE_INFINITY;
  let isStopped = false;

  function planAt(at_ms: number): void {
    if (isStopped || !settings.isEnabled || at_ms >= next_ms) return;
    cancelNext();
    next_ms = at_ms;
    cancelNext = clock.setTimer(Math.max(0, at_ms - clock.now_ms()), plan, "background");
  }

  function plan(): void {
    const now_ms = clock.now_ms();
    plannedAt_ms = now_ms;
    next_ms = Number.POSITIVE_INFINITY;
    const plan = planner.plan(fleet, context(), catalog && ((build) => catalog.build(build)));
    demand = plan.builds;
    for (const command of plan.commands) {
      events({ type: "load_planned", command: command.type, isObserveOnly: plan.isObserveOnly });
      log.info(
        { event: "load_planned", command: command.type, build: command.build, reason: command.reason },
        "a plan for models in memory",
      );
      if (!plan.isObserveOnly) obey(command, now_ms);
    }
    apart_ms = Math.max(PLANS_APART_MS, (clock.now_ms() - now_ms) / PLANNING_SHARE_MAX);
    planAt(now_ms + settings.interval_ms);
  }

  function obey({ providerId, build, ...command }: WarmCommand, now_ms: number): void {
    const message: FromCoordinator =
      command.type === "unload"
        ? { type: "unload_model", model_id: build }
        : { type: "load_model", model_id: build, ...(command.evict.length > 0 && { evict: [...command.evict] }) };
    if (dependencies.send(providerId, message) || command.type === "unload") return;
    planner.record({ type: "load_withdrawn", providerId, build }, now_ms);
  }

  function record(event: WarmEvent): void {
    planner.record(event, clock.now_ms());
    if (PRESSING.has(event.type)) planAt(plannedAt_ms + apart_ms);
  }

  planAt(clock.now_ms() + settings.interval_ms);

  return {
    record,
    queued(build, depth) {
      const since_ms = waitingSince_ms.get(build) ?? clock.now_ms();
      if (depth > 0) waitingSince_ms.set(build, since_ms);
      else waitingSince_ms.delete(build);
      record({ type: "queue", build, depth, oldestSince_ms: since_ms });
      if (depth > 0) planAt(plannedAt_ms + apart_ms);
    },
    loadStatus(sessionId, { model_id: build, status, reason = "other" }) {
      if (status === "started") return;
      events({ type: "load_ended", outcome: status === "succeeded" ? "succeeded" : reason });
      if (status === "succeeded") record({ type: "load_succeeded", providerId: sessionId, build });
      else record({ type: "load_failed", providerId: sessionId, build, reason });
    },
    get demand() {
      return demand;
    },
    get pendingLoads() {
      return planner.pendingLoads.length;
    },
    couldLoad: (spec) => planner.couldLoad(spec, fleet, context()),
    stop() {
      isStopped = true;
      cancelNext();
    },
  };
}
