import {
  firstRefusal,
  isResident,
  machineSums,
  type ProviderView,
  type RequestSpec,
  type RoutingContext,
  type SlotView,
  select,
  type WarmBuild,
} from "@umbel/routing";
import type { BuildCapacity, TokenPool } from "./types.js";

/** A request of ordinary size, for figures that describe no particular request (routing.md §3.1 `preflight`). */
const ORDINARY = { promptTokens: 500, maxOutputTokens: 256 } as const;

/**
 * Figures of one build over the machines that offer it. Routable are those that selection itself would consider for an ordinary request.
 *
 * @param spec of an ordinary request for the build
 */
export function buildCapacity(spec: RequestSpec, allViews: Iterable<ProviderView>, context: RoutingContext): BuildCapacity {
  const { build } = spec;
  const views = [...publicOf(allViews, context)];
  const slots = views.flatMap((view) => view.slots?.get(build) ?? []);
  const { candidates: routableProviders, bestTtft_ms } = select(views, spec, context, "preview");
  const total = (count: (slot: SlotView) => number): number => slots.reduce((sum, slot) => sum + count(slot), 0);
  return {
    build,
    providers: views.length,
    warmProviders: slots.filter((slot) => isResident(slot)).length,
    routableProviders,
    running: total((slot) => slot.running),
    waiting: total((slot) => slot.waiting),
    places: total((slot) => slot.maxConcurrency),
    canAccept: routableProviders > 0,
    runningProviders: slots.filter((slot) => slot.running > 0).length,
    decode_tps: total((slot) => slot.observedDecode_tps * Math.max(1, slot.running)),
    estimatedTtft_ms: bestTtft_ms,
    tokenBudgetUsed: total((slot) => Math.min(slot.tokenBudgetUsed, slot.tokenBudgetMax)),
    tokenBudgetMax: total((slot) => slot.tokenBudgetMax),
    attested: views.filter((view) => view.trusted && view.trustLevel !== "none").length,
  };
}

/**
 * Tokens for which machines have room, and what of it is taken. Slots of one machine may share its memory, and each reports all that is free: so
 * that is counted once a machine, beside what each of them has taken (routing.md §17).
 */
export function tokenPool(allViews: Iterable<ProviderView>, context: RoutingContext): TokenPool {
  let used = 0;
  let total = 0;
  for (const view of publicOf(allViews, context)) {
    const { committed_tokens, free_tokens } = machineSums(view);
    used += committed_tokens;
    total += committed_tokens + Math.max(0, free_tokens);
  }
  return { used, total };
}

/** Whether a machine counts in public figures: those that serve their owners only are nobody's capacity, those that are not trusted are none. */
export function isPublic(view: ProviderView, context: RoutingContext): boolean {
  return firstRefusal("public_capacity", view, NO_BUILD, context) === undefined;
}

export function* publicOf(views: Iterable<ProviderView>, context: RoutingContext): Iterable<ProviderView> {
  for (const view of views) if (isPublic(view, context)) yield view;
}

/** What somebody asks of a build who asks nothing special. */
export function ordinaryRequest(build: string, known?: WarmBuild): RequestSpec {
  return {
    ...ORDINARY,
    requestId: "",
    build,
    weightHash: known?.weightHash ?? "",
    ...(known?.dedicated !== undefined && { dedicated: known.dedicated }),
    ...(known?.formerHashes !== undefined && { formerHashes: known.formerHashes }),
    ...(known?.kvBytesPerToken !== undefined && { kvBytesPerToken: known.kvBytesPerToken }),
    ...(known?.memory !== undefined && { memory: known.memory }),
    accountId: "",
    needsTools: false,
    needsVision: false,
    excluded: new Set(),
    allowedMachines: undefined,
    route: "public",
    avoidVersion: undefined,
    ttftCeiling_ms: undefined,
  };
}

const NO_BUILD = ordinaryRequest("");
