import { isResident, type ProviderView, type RequestSpec, type RoutingContext, select } from "@umbel/routing";
import type { BuildCapacity } from "./types.js";

/** A request of ordinary size, for figures that describe no particular request (routing.md §3.1 `preflight`). */
const ORDINARY = { promptTokens: 500, maxOutputTokens: 256 } as const;

/** Figures of one build over the machines that offer it. Routable are those that selection itself would consider for an ordinary request. */
export function buildCapacity(build: string, views: readonly ProviderView[], context: RoutingContext): BuildCapacity {
  const slots = views.flatMap((view) => view.slots?.get(build) ?? []);
  const routableProviders = select(views, ordinaryRequest(build), context, "preview").candidates;
  return {
    build,
    providers: views.length,
    warmProviders: slots.filter((slot) => isResident(slot)).length,
    routableProviders,
    running: slots.reduce((sum, slot) => sum + slot.running, 0),
    waiting: slots.reduce((sum, slot) => sum + slot.waiting, 0),
    places: slots.reduce((sum, slot) => sum + slot.maxConcurrency, 0),
    canAccept: routableProviders > 0,
    attested: views.filter((view) => view.trusted && view.trustLevel !== "none").length,
  };
}

function ordinaryRequest(build: string): RequestSpec {
  return {
    ...ORDINARY,
    requestId: "",
    build,
    weightHash: "",
    accountId: "",
    needsTools: false,
    needsVision: false,
    excluded: new Set(),
    allowedMachines: undefined,
    route: "public",
    avoidVersion: undefined,
    affinityProviderId: undefined,
    ttftCeiling_ms: undefined,
  };
}
