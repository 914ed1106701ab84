import { isResident } from "../admission/residency.js";
import { itemisedCost } from "../cost/index.js";
import { measure } from "../cost/measure.js";
import { costProfileOf } from "../cost/profile.js";
import { firstRefusal } from "../gates/profiles.js";
import { select } from "../select.js";
import type { Decision, ProviderView, RequestSpec, RoutingContext } from "../types.js";
import type { Selector } from "./policies.js";

/**
 * Ways to choose that other systems use, for comparison. Each obeys every gate and prefers machines that have the build in memory, as any of
 * them would; they differ from ours in which of those they take.
 */
type Choose = (eligible: readonly ProviderView[], spec: RequestSpec, context: RoutingContext) => ProviderView | undefined;

/** Any, each as likely as the other. */
export function randomly(): Selector {
  return baseline((eligible, _spec, { random }) => eligible[Math.floor(random() * eligible.length)]);
}

/** One after the other in the order in which they connected, for each build by itself. */
export function roundRobin(): Selector {
  const last = new Map<string, number>();
  return baseline((eligible, { build }) => {
    const before = last.get(build) ?? -1;
    const next = eligible.reduce<ProviderView | undefined>((least, view) => {
      const isLater = orderOf(view) > before;
      const isLeastLater = least !== undefined && orderOf(least) > before;
      if (isLater !== isLeastLater) return isLater ? view : (least ?? view);
      return least === undefined || orderOf(view) < orderOf(least) ? view : least;
    }, undefined);
    if (next !== undefined) last.set(build, orderOf(next));
    return next;
  });
}

/** Whoever has fewest requests, and any of those. */
export function leastPending(): Selector {
  return baseline((eligible, _spec, { random }) => {
    const least = eligible.reduce((fewest, { pendingTotal }) => Math.min(fewest, pendingTotal), Number.POSITIVE_INFINITY);
    const equals = eligible.filter(({ pendingTotal }) => pendingTotal === least);
    return equals[Math.floor(random() * equals.length)];
  });
}

function baseline(choose: Choose): Selector {
  const fleet = new Map<string, ProviderView>();
  const byBuild = new Map<string, Map<string, ProviderView>>();
  return {
    set(view) {
      fleet.set(view.id, view);
      for (const build of view.builds.keys()) {
        const views = byBuild.get(build) ?? new Map<string, ProviderView>();
        byBuild.set(build, views.set(view.id, view));
      }
    },
    remove(providerId) {
      for (const build of fleet.get(providerId)?.builds.keys() ?? []) byBuild.get(build)?.delete(providerId);
      fleet.delete(providerId);
    },
    get: (providerId) => fleet.get(providerId),
    views: (build) => byBuild.get(build)?.values() ?? [],
    select(spec, context) {
      const views = [...(byBuild.get(spec.build)?.values() ?? [])];
      const eligible = views.filter((view) => firstRefusal("select", view, spec, context) === undefined);
      const resident = eligible.filter(({ slots }) => isResident(slots?.get(spec.build)));
      const chosen = choose(resident.length > 0 ? resident : eligible, spec, context);
      // Nobody is eligible: why not, and past open breakers where only they stand in the way, is for everyone the same.
      if (chosen === undefined) return select(views, spec, context);
      return decided(chosen, views.length, eligible.length, spec, context);
    },
  };
}

function decided(chosen: ProviderView, considered: number, candidates: number, spec: RequestSpec, context: RoutingContext): Decision {
  const profile = costProfileOf(context);
  return {
    winner: itemisedCost(measure(chosen, spec, context), profile, spec),
    considered,
    candidates,
    refusals: {},
    bestTtft_ms: undefined,
    costProfile: profile.version,
    draw: undefined,
    visits: considered,
    failedOpen: false,
  };
}

/** Machines of a simulation are numbered. */
function orderOf({ machineId }: ProviderView): number {
  return Number(machineId.slice(machineId.lastIndexOf("-") + 1));
}
