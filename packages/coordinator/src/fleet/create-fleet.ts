import type { IncomingMessage } from "node:http";
import { type Clock, type RequestId, requestId as requestIdSchema } from "@umbel/protocol";
import {
  couldHold,
  createFleetIndex,
  createObservedRates,
  type Decision,
  explainProvider,
  firstRefusal,
  isWorthWaiting,
  ReleaseWatch,
  type RequestSpec,
  type RoutingContext,
} from "@umbel/routing";
import type { WebSocket } from "ws";
import type { Trust } from "../trust/index.js";
import { buildCapacity, isPublic, ordinaryRequest, publicOf, tokenPool } from "./build-capacity.js";
import { CapacitySignals } from "./capacity-signals.js";
import { censusOf } from "./census.js";
import { coalesced } from "./coalesced-index.js";
import { Admission, type AdmittedMachine } from "./connection/admission.js";
import { CloseCode, Peer } from "./connection/peer.js";
import { createProviderEndpoint, type ProviderEndpoint } from "./endpoint/provider-endpoint.js";
import { LateCancels } from "./late-cancels.js";
import { readCounters } from "./lifetime-counters.js";
import type { FleetCatalog } from "./loads/fleet-catalog.js";
import { createWarmLoop } from "./loads/warm-loop.js";
import { createMachineHealth } from "./machine-health.js";
import { createMachineRecords } from "./machine-records.js";
import type { FleetEvents, FleetLog, FleetRandom, KnownRuntimes, MachineStore, ProviderAccounts } from "./ports.js";
import { publicMachineId } from "./public-id.js";
import { Registry } from "./registry.js";
import { ProviderSession } from "./session/provider-session.js";
import type { SessionContext } from "./session/session-context.js";
import { FLEET_DEFAULTS, type FleetSettings } from "./settings.js";
import { sweepStale } from "./stale-sweep.js";
import { createTokenWatch } from "./token-watch.js";
import type { Fleet, ReserveOutcome } from "./types.js";

export interface FleetDependencies {
  readonly clock: Clock;
  readonly random: FleetRandom;
  readonly trust: Trust;
  readonly accounts: ProviderAccounts;
  readonly machines: MachineStore;
  /** Builds and names that machines are measured by; absent takes every build for good. */
  readonly catalog?: FleetCatalog;
  /** Programs that machines may run; absent knows none. */
  readonly runtimes?: KnownRuntimes;
  /** Oldest version that gets requests, which may change; `floorChanged` tells of it. Default: that of the settings. */
  readonly minVersion?: () => string;
  /** What differs from `FLEET_DEFAULTS`. */
  readonly settings?: Partial<FleetSettings>;
  readonly log: FleetLog;
  readonly events: FleetEvents;
  /** Secret of this coordinator from which machines' pseudonyms are derived; keep it over restarts. */
  readonly publicIdSalt: Uint8Array;
  /** Address that limits per address count against; default is the socket's own. Set it behind a proxy. */
  readonly clientAddress?: (request: IncomingMessage) => string;
}

export interface FleetService extends Fleet {
  /** Where providers connect: attach it to the HTTP server. */
  readonly endpoint: ProviderEndpoint;
  /** Tells machines at once what concerns them of a catalogue that has changed; without it they hear of it some seconds later. */
  catalogChanged(): void;
  /** Other programs are known than before. */
  runtimesChanged(): void;
  /** Another version is the oldest that gets requests. */
  floorChanged(): void;
  /** Provider tokens may have ended: connections made with them are ended, too. Without it that takes up to a minute. */
  tokensChanged(): void;
}

/** Over so long machines come back after a planned stop, or all would come at once. */
const RECONNECT_SPREAD_MS = 5_000;

/** Creates an empty fleet. It runs timers until `close`. */
export function createFleet(dependencies: FleetDependencies): FleetService {
  const { clock, random, trust, log, events } = dependencies;
  const settings: FleetSettings = { ...FLEET_DEFAULTS, ...dependencies.settings };
  const registry = new Registry();
  const index = coalesced(createFleetIndex());
  const rates = createObservedRates({ decodeRates_max: settings.decodeRates_max });
  const signals = new CapacitySignals(log);
  const health = createMachineHealth(dependencies.machines, clock, log);
  const releases = new ReleaseWatch();
  const records = createMachineRecords(dependencies.machines, clock, log);
  const tokens = createTokenWatch(registry, dependencies.accounts, log);
  const admitting = new Set<Peer>();
  let state: "open" | "shutting_down" | "closed" = "open";
  const { catalog } = dependencies;
  const loads = createWarmLoop({
    ...{ clock, settings: settings.warmPool, fleet: index, context: routingContext, catalog, log, events },
    send: (sessionId, message) => state === "open" && registry.get(sessionId)?.peer.control(message) === true,
  });

  const sessionContext: SessionContext = {
    clock,
    trust,
    settings,
    events,
    log,
    health,
    releases,
    onSuspectRelease: (version) => {
      log.error({ version }, "a release of the provider fails on many machines; others are preferred");
      events({ type: "suspect_release", version, state: "raised" });
      reassess(version);
    },
    rates,
    signals,
    lateCancels: new LateCancels(),
    records,
    loads,
    runtimes: dependencies.runtimes,
    catalog,
    publicId: (machineId) => publicMachineId(dependencies.publicIdSalt, machineId),
    onView: ({ id, view }, news) => {
      if (registry.get(id) === undefined) return;
      if (news === "reported") index.report(view, routingContext());
      else index.set(view, routingContext());
    },
  };

  function onSocket(socket: WebSocket): void {
    const peer = new Peer(socket, clock, events);
    admitting.add(peer);
    new Admission(peer, {
      ...dependencies,
      settings,
      records,
      tokenEpoch: () => tokens.epoch,
      isOpen: () => state === "open",
      onAdmitted: join,
      onLeft: () => admitting.delete(peer),
    });
  }

  function join(machine: AdmittedMachine): void {
    const { machineId } = machine.device;
    admitting.delete(machine.peer);
    // Only now: whoever merely claims a machine's key must not be able to knock it offline.
    const former = registry.ofMachine(machineId);
    former?.peer.close(CloseCode.policy, "replaced by a newer connection", "replaced");
    health.restore(machineId, machine.health);
    releases.joined(machine.register.version);
    // Of one that is replaced not everything is stored yet.
    const session = new ProviderSession(machine, former?.counters ?? readCounters(machine.counters), sessionContext, leave);
    registry.add(session);
    index.set(session.view, routingContext());
    session.start();
    tokens.joined(machine.tokenEpoch);
    if (catalog !== undefined) session.announceDesired(catalog);
    events({ type: "connected", machineId, version: machine.register.version });
    log.info({ machine: sessionContext.publicId(machineId), version: machine.register.version }, "provider connected");
    if (settings.runtimeCheck !== "off" && !session.isRuntimeKnown)
      log.warn({ machine: sessionContext.publicId(machineId), version: machine.register.version }, "its program is none that is known");
  }

  function leave(session: ProviderSession): void {
    registry.remove(session);
    index.remove(session.id);
    loads.record({ type: "provider_gone", providerId: session.id });
    releases.left(session.view.version, clock.now_ms());
    // Whoever waits for these builds may now have nobody to wait for.
    signals.changed(session.builds);
  }

  function reassess(version?: string): void {
    for (const session of registry.all()) if (version === undefined || session.view.version === version) session.reassess();
  }

  function every(interval_ms: number, act: () => void): () => void {
    let cancel = (): void => undefined;
    const arm = (): void => {
      cancel = clock.setTimer(
        interval_ms,
        () => {
          act();
          arm();
        },
        "background",
      );
    };
    arm();
    return () => cancel();
  }

  /** What machines are told; a new price is nothing to them. */
  const toAnnounce = (): string => JSON.stringify([catalog?.aliases(), catalog?.withdrawn()]);
  let announced = toAnnounce();

  /** Machines hear of it when a name comes to stand for another build, and when a build is withdrawn. */
  function announceChanges(): void {
    const now = toAnnounce();
    if (catalog === undefined || now === announced) return;
    announced = now;
    for (const session of registry.all()) session.announceDesired(catalog);
  }

  const stopTimers = [
    loads.stop,
    every(settings.aliasInterval_ms, announceChanges),
    every(settings.tokenInterval_ms, tokens.check),
    every(settings.sweepInterval_ms, () => {
      const now_ms = clock.now_ms();
      sweepStale([...registry.all()], now_ms, log);
      records.retry();
      health.store();
      for (const version of releases.cleared(now_ms)) {
        log.info({ version }, "a release of the provider no longer fails");
        events({ type: "suspect_release", version, state: "cleared" });
        reassess(version);
      }
    }),
    every(settings.pingInterval_ms, () => {
      for (const session of [...registry.all()]) session.peer.ping();
    }),
  ];

  function routingContext(): RoutingContext {
    const { minTrust, challengeFreshness_ms, costProfile } = settings;
    const minVersion = dependencies.minVersion?.() ?? settings.minVersion;
    return { now_ms: clock.now_ms(), random: random.fraction, minTrust, minVersion, challengeFreshness_ms, costProfile, rates };
  }

  /**
   * Selects among the machines on which the request cannot be mixed up with an earlier attempt at it. Those others are few, and rarely the
   * best, so they are left out only once one of them has won.
   */
  function selectFor(spec: RequestSpec, requestId: RequestId): Decision {
    let { excluded } = spec;
    for (;;) {
      const decision = index.select(excluded === spec.excluded ? spec : { ...spec, excluded }, routingContext());
      const winner = decision.winner && registry.get(decision.winner.providerId);
      if (winner?.blocks(requestId) !== true) return decision;
      excluded = new Set([...excluded, winner.id]);
    }
  }

  return {
    endpoint: createProviderEndpoint({
      clock,
      settings,
      events,
      clientAddress: dependencies.clientAddress ?? ((request) => request.socket.remoteAddress ?? ""),
      refusal: () => (state === "closed" ? "closing" : admitting.size >= settings.unprovenSockets_max ? "unproven_full" : undefined),
      onSocket,
    }),

    reserve(spec: RequestSpec): ReserveOutcome {
      const requestId = requestIdSchema.parse(spec.requestId);
      const decision = selectFor(spec, requestId);
      const session = decision.winner && registry.get(decision.winner.providerId);
      return session ? { ok: true, attempt: session.reserve(spec, requestId, decision) } : { ok: false, decision };
    },

    preview(spec) {
      const decision = index.select(spec, routingContext(), "preview");
      // Places are taken, and more copies would be more places. Owners' machines are no copies for others.
      if (decision.candidates === 0 && spec.route !== "self" && isWorthWaiting(decision))
        loads.record({ type: "capacity_reject", build: spec.build });
      return decision;
    },

    noticed(event) {
      if (event.type === "queue") loads.queued(event.build, event.depth);
      else loads.record(event);
    },

    couldLoad: (spec) => loads.couldLoad(spec),

    demand: () => loads.demand,

    pendingLoads: () => loads.pendingLoads,

    onCapacity: (build, listener) => signals.subscribe(build, listener),

    someone: (profile, spec) => index.someone(profile, spec, routingContext()),

    couldHold: (spec) => {
      const context = routingContext();
      if (!index.someone("servability", spec, context)) return true;
      return index.someone("servability", spec, context, (view) => couldHold(view, spec));
    },

    capacity: (build) => buildCapacity(ordinaryRequest(build, catalog?.build(build)), index.views(build), routingContext()),

    tokenPool: () =>
      tokenPool(
        [...registry.all()].map(({ view }) => view),
        routingContext(),
      ),

    rates,

    standing: (machineId) => health.memory.standing(machineId),

    misreported(machineId) {
      health.memory.misreported(machineId);
      health.storeSoon();
    },

    connected: () => registry.size,
    programs: () => [...registry.all()].map(({ view, runtimeHash }) => ({ version: view.version, hash: runtimeHash })),
    unknownRuntimes: () => [...registry.all()].filter((session) => !session.isRuntimeKnown).length,
    census: () => censusOf([...registry.all()].map(({ view }) => view)),

    viewOf: (sessionId) => index.get(sessionId),

    publicViews: () =>
      publicOf(
        [...registry.all()].map(({ view }) => view),
        routingContext(),
      ),

    publicLocations() {
      const context = routingContext();
      return [...registry.all()].flatMap(({ location, view }) => (location === undefined || !isPublic(view, context) ? [] : [location]));
    },

    viewsOf: (build) => index.views(build),

    publicId: sessionContext.publicId,
    catalogChanged: announceChanges,
    runtimesChanged: () => reassess(),
    floorChanged() {
      for (const session of registry.all()) {
        index.set(session.view, routingContext());
        signals.changed(session.builds);
      }
    },
    tokensChanged: tokens.changed,

    machinesNamed(publicIds) {
      const asked = new Set(publicIds);
      const machines = [...registry.all()].map(({ machineId }) => machineId);
      return new Set(machines.filter((machineId) => asked.has(sessionContext.publicId(machineId))));
    },

    connectedWith: (token) =>
      [...registry.all()].filter(({ authToken }) => authToken === token).map(({ machineId }) => sessionContext.publicId(machineId)),

    async machinesOf(accountId) {
      const kept = await dependencies.machines.ofAccount(accountId);
      return kept.map((row) => {
        const session = registry.ofMachine(row.machineId);
        const { total } = session?.counters ?? readCounters(row.counters);
        return { ...row, publicId: sessionContext.publicId(row.machineId), view: session?.view, counters: total };
      });
    },

    sessionsOf: (machineId, limit) => dependencies.machines.sessionsOf(machineId, limit),

    async unlink(publicId, accountId) {
      const own = await dependencies.machines.ofAccount(accountId);
      const machine = own.find(({ machineId }) => sessionContext.publicId(machineId) === publicId);
      if (machine === undefined) return "unknown";
      const session = registry.ofMachine(machine.machineId);
      const token = session?.authToken;
      if (token !== undefined) {
        if ([...registry.all()].some((other) => other !== session && other.authToken === token)) return "shared";
        await dependencies.accounts.revokeProviderToken(token);
        session?.revoke();
      }
      await dependencies.machines.unlink(machine.machineId, accountId);
      return "unlinked";
    },

    explain: (view, { id, weightHash }) =>
      explainProvider(view, { ...ordinaryRequest(id, catalog?.build(id)), weightHash }, routingContext()),

    async ownMachines(accountId) {
      const own = { ...ordinaryRequest(""), accountId, route: "self" } as const;
      const context = routingContext();
      const online = [...registry.all()].filter(({ view }) => firstRefusal("owner_online", view, own, context) === undefined).length;
      return { linked: await dependencies.machines.countOfAccount(accountId), online };
    },

    announceShutdown(deadline_ms) {
      state = "shutting_down";
      for (const session of registry.all()) {
        const reconnect_after_ms = Math.floor(random.fraction() * RECONNECT_SPREAD_MS);
        session.peer.control({ type: "going_away", deadline_ms, reconnect_after_ms });
      }
    },

    async close() {
      state = "closed";
      for (const stop of stopTimers) stop();
      const peers = [...admitting, ...[...registry.all()].map((session) => session.peer)];
      for (const peer of peers) peer.close(CloseCode.goingAway, "coordinator is shutting down", "shutdown");
      await Promise.all(peers.map((peer) => peer.gone));
      await records.flush();
      await health.flush();
    },
  };
}
