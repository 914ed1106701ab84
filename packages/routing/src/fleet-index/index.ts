import { itemisedCost } from "../cost/index.js";
import { costProfileOf } from "../cost/profile.js";
import { firstRefusal, PROFILE_OMISSIONS, type ProfileName, STANDING_GATES, type StandingProfileName } from "../gates/profiles.js";
import { BUSY_REASONS, onlyRests, select } from "../select.js";
import type { Decision, ProviderView, RefusalReason, RequestSpec, RoutingContext } from "../types.js";
import { isSameButForLoad } from "../views.js";
import { BuildIndex } from "./build-index.js";
import type { Cell, Machine } from "./cell.js";
import { createEngagements } from "./engagements.js";
import { machineFacts } from "./facts.js";
import { follow, newMachine, rememberLoad } from "./load.js";
import { type Found, Search } from "./search.js";
import { SessionLists } from "./session-lists.js";
import { Timers } from "./timers.js";

/** The views of a fleet, kept so that a machine for a request is found without looking at all of them. */
export interface FleetIndex {
  readonly size: number;
  /** Adds a machine, or puts its new view in the place of the old. O(builds of the machine × log n). */
  set(view: ProviderView, context: RoutingContext): void;
  /** @param providerId session id; an unknown one changes nothing */
  remove(providerId: string): void;
  get(providerId: string): ProviderView | undefined;
  /** Views of the machines that advertise a build. */
  views(build: string): Iterable<ProviderView>;
  /** Views of the machines that have a build in memory, or work for it: few, where many advertise it. */
  engaged(build: string): Iterable<ProviderView>;
  /**
   * Chooses as `select` chooses among all views: the winner is one that `select` could have drawn, too. Refusals are counted exactly, but
   * for those that depend on a request's length or deadline: of these, only machines that were looked at count, all of them when there is
   * no winner. `bestTtft_ms` is the least of the machines that were looked at.
   */
  select(spec: RequestSpec, context: RoutingContext, profile?: ProfileName): Decision;
  /**
   * Whether some machine passes every gate of a standing profile. Looks at machines until one does, which is the first as a rule, and at none
   * of those that are sorted under a gate of the profile.
   *
   * @param suits what else it is to be
   */
  someone(profile: StandingProfileName, spec: RequestSpec, context: RoutingContext, suits?: (view: ProviderView) => boolean): boolean;
}

/**
 * Requests for an owner's machines, and for named ones, go over those few with `select` itself. All others meet machines sorted in advance
 * (routing.md §22): by the gates that refuse them whatever is asked, which are only counted; by how busy they are; and by the least they
 * cost, so that a search ends where no machine left can be better.
 */
export function createFleetIndex(): FleetIndex {
  const machines = new Map<string, Machine>();
  const builds = new Map<string, BuildIndex>();
  const sessionsOfMachine = new SessionLists();
  const sessionsOfAccount = new SessionLists();
  const engagements = createEngagements();
  const timers = new Timers<Machine>();

  const remove = (providerId: string): void => {
    const machine = machines.get(providerId);
    if (machine === undefined) return;
    const { view, cells } = machine;
    machines.delete(providerId);
    engagements.remove(view);
    timers.clear(machine);
    sessionsOfMachine.remove(view.machineId, providerId);
    if (view.accountId !== undefined) sessionsOfAccount.remove(view.accountId, providerId);
    for (const cell of cells) {
      cell.index.remove(cell);
      if (cell.index.size === 0) builds.delete(cell.index.build);
    }
  };

  const add = (view: ProviderView, context: RoutingContext): void => {
    const machine = newMachine(view, context);
    machines.set(view.id, machine);
    engagements.set(view, undefined);
    sessionsOfMachine.add(view.machineId, view.id);
    if (view.accountId !== undefined) sessionsOfAccount.add(view.accountId, view.id);
    const facts = machineFacts(view, context);
    timers.set(machine, facts.until_ms);
    machine.cells = [...view.builds.keys()].map((build) => {
      const index = builds.get(build) ?? new BuildIndex(build);
      builds.set(build, index);
      return index.add(machine, facts, context);
    });
  };

  const set = (view: ProviderView, context: RoutingContext): void => {
    const machine = machines.get(view.id);
    if (machine === undefined || !isSameMachine(machine.view, view)) {
      remove(view.id);
      add(view, context);
      return;
    }
    const before = machine.view;
    engagements.set(view, before);
    machine.view = view;
    if (!isSameButForLoad(before, view) || !follow(machine, before, context)) sortIn(machine, context);
  };

  const sortIn = (machine: Machine, context: RoutingContext): void => {
    const facts = machineFacts(machine.view, context);
    timers.set(machine, facts.until_ms);
    rememberLoad(machine, context);
    for (const cell of machine.cells) cell.index.update(cell, facts, context);
  };

  const offering = (sessions: Iterable<string>, build: string): ProviderView[] => {
    const found: ProviderView[] = [];
    for (const session of sessions) {
      const view = machines.get(session)?.view;
      if (view?.builds.has(build)) found.push(view);
    }
    return found;
  };

  const cellOf = (session: string, index: BuildIndex): Cell | undefined =>
    machines.get(session)?.cells.find((cell) => cell.index === index);

  /** Looks again at machines whose cooldown, breaker or challenge has run out: O(log n) for each. */
  const advance = (context: RoutingContext): void => {
    if (!timers.isDue(context.now_ms)) return;
    for (const machine of timers.due(context.now_ms)) sortIn(machine, context);
  };

  /** Among few machines, with those that are none of them counted under the gate that keeps them out. */
  const selectAmong = (few: readonly ProviderView[], rest: RefusalReason, index: BuildIndex, ...args: SelectArguments): Decision => {
    const decision = select(few, ...args);
    const others = index.size - few.length;
    if (others === 0) return decision;
    const refusals = { ...decision.refusals, [rest]: (decision.refusals[rest] ?? 0) + others };
    return Object.freeze({ ...decision, considered: index.size, refusals: Object.freeze(refusals) });
  };

  const excludedIn = (index: BuildIndex, { excluded }: RequestSpec, profile: ProfileName): Cell[] => {
    if (excluded.size === 0 || PROFILE_OMISSIONS[profile].includes("excluded")) return [];
    const sessions = new Set([...excluded].flatMap((id) => [id, ...sessionsOfMachine.of(id)]));
    return [...sessions].map((session) => cellOf(session, index)).filter((cell) => cell !== undefined);
  };

  const holderIn = (index: BuildIndex, { affinity }: RequestSpec): Cell | undefined => {
    if (affinity?.machineId === undefined) return undefined;
    return [...sessionsOfMachine.of(affinity.machineId)].map((session) => cellOf(session, index)).find((cell) => cell !== undefined);
  };

  return {
    get size() {
      return machines.size;
    },
    set,
    remove,
    get: (providerId) => machines.get(providerId)?.view,
    views: (build) => builds.get(build)?.views() ?? [],
    *engaged(build) {
      for (const session of engagements.of(build)) {
        const view = machines.get(session)?.view;
        if (view !== undefined) yield view;
      }
    },
    select(spec, context, profile = "select") {
      const index = builds.get(spec.build);
      if (index === undefined) return select([], spec, context, profile);
      advance(context);
      index.expect(spec, context);
      const own = spec.route === "public" ? [] : offering(sessionsOfAccount.of(spec.accountId), spec.build);
      if (spec.route === "self") return selectAmong(own, "not_owned", index, spec, context, profile);
      if (spec.allowedMachines !== undefined) {
        const sessions = [...spec.allowedMachines].flatMap((machine) => [...sessionsOfMachine.of(machine)]);
        return selectAmong(offering(sessions, spec.build), "serial_not_allowed", index, spec, context, profile);
      }
      const preferred = own.length === 0 ? undefined : select(own, spec, context, profile);
      if (preferred?.winner !== undefined && !preferred.failedOpen) return preferred;
      const found = search(index, spec, context, profile);
      return preferred?.winner !== undefined && nobodyIsBetter(found) ? preferred : found;
    },
    someone(profile, spec, context, suits = anybody) {
      const index = builds.get(spec.build);
      if (index === undefined) return false;
      advance(context);
      index.expect(spec, context);
      for (const view of reachable(profile, spec, index)) {
        if (firstRefusal(profile, view, spec, context) === undefined && suits(view)) return true;
      }
      return false;
    },
  };

  /** Machines that a request may reach by whose they are and by its list; of all others, those not sorted under one of the gates. */
  function reachable(profile: StandingProfileName, spec: RequestSpec, index: BuildIndex): Iterable<ProviderView> {
    const { allowedMachines } = spec;
    if (spec.route === "self") {
      const own = offering(sessionsOfAccount.of(spec.accountId), spec.build);
      return allowedMachines === undefined ? own : own.filter(({ machineId }) => allowedMachines.has(machineId));
    }
    if (allowedMachines === undefined) return index.viewsPast(STANDING_GATES[profile]);
    const sessions = [...allowedMachines].flatMap((machine) => [...sessionsOfMachine.of(machine)]);
    return offering(sessions, spec.build);
  }

  function search(index: BuildIndex, spec: RequestSpec, context: RoutingContext, profile: ProfileName): Decision {
    const excluded = excludedIn(index, spec, profile);
    const holder = holderIn(index, spec);
    // Rates move on between a machine's reports, and one that has more to do stays where it lies. Whoever is met out of place is put in it, so
    // that the next search need not look again; under this build alone, since nobody may come upon the others.
    const searched = (gates: ProfileName): { readonly search: Search; readonly found: Found | undefined } => {
      for (;;) {
        const search = new Search(index, spec, context, gates, excluded, holder);
        const found = search.find();
        for (const cell of search.moved) index.settle(cell, machineFacts(cell.view, context), context);
        if (!search.isOutdated) return { search, found };
      }
    };
    const { search, found } = searched(profile);
    if (found === undefined && profile === "select" && onlyRests(search.refusals)) {
      const relaxed = searched("select_failopen");
      if (relaxed.found !== undefined) return conclude(index, relaxed.search, relaxed.found, spec, context, true);
    }
    return conclude(index, search, found, spec, context, false);
  }
}

const anybody = (): boolean => true;

type SelectArguments = [spec: RequestSpec, context: RoutingContext, profile: ProfileName];

/** Than an own machine that rests: neither one that does not, nor a busy one to wait for. */
function nobodyIsBetter({ winner, failedOpen, refusals }: Decision): boolean {
  return failedOpen || (winner === undefined && BUSY_REASONS.every((reason) => refusals[reason] === undefined));
}

function conclude(
  index: BuildIndex,
  search: Search,
  found: Found | undefined,
  spec: RequestSpec,
  context: RoutingContext,
  failedOpen: boolean,
): Decision {
  const profile = costProfileOf(context);
  return Object.freeze({
    winner: found && itemisedCost(found.candidate.measured, profile, spec),
    considered: index.size,
    candidates: search.candidates,
    refusals: search.refusals,
    bestTtft_ms: Number.isFinite(search.bestTtft_ms) ? search.bestTtft_ms : undefined,
    costProfile: profile.version,
    draw: found?.draw,
    tied: found?.tied ?? 0,
    visits: search.visits,
    failedOpen,
    audit: search.audit(found),
  });
}

/** Whether a new view leaves a machine where its identity has put it, with what it offers. */
function isSameMachine(a: ProviderView, b: ProviderView): boolean {
  const isSameOffer = a.builds === b.builds && a.totalMemory_gb === b.totalMemory_gb;
  return a.machineId === b.machineId && a.accountId === b.accountId && isSameOffer;
}
