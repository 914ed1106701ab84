import type { z } from "zod";
import { unlessKnown } from "../answer/unchanged.js";
import type { HttpDependencies } from "../dependencies.js";
import type { Route } from "../route.js";
import { capacityList, type modelCapacity } from "./model-schema.js";

/** How long the figures stand. Source: api.md §4. */
export const CAPACITY_VALID_ms = 2_000;

type Listed = z.infer<typeof capacityList>;

/** What each model could take now, all machines together: for whoever chooses between networks. Source: api.md §20. */
export function capacityRoute(dependencies: HttpDependencies, isDraining: () => boolean): Route {
  const { clock } = dependencies;
  let cached: { readonly at_ms: number; readonly list: Listed } | undefined;
  return {
    method: "GET",
    url: "/v1/models/capacity",
    access: "public",
    doc: { tag: "Models", summary: "What each model can take now", answer: capacityList },
    async handle(request, reply) {
      if (isDraining()) return { models: [], draining: true };
      const now_ms = clock.now_ms();
      if (cached === undefined || now_ms - cached.at_ms >= CAPACITY_VALID_ms)
        cached = { at_ms: now_ms, list: { models: capacities(dependencies) } };
      return unlessKnown(request, reply, cached.list);
    },
  };
}

function capacities({ catalog, fleet, inference }: HttpDependencies): z.infer<typeof modelCapacity>[] {
  return catalog.builds().map(({ id }) => {
    const capacity = fleet.capacity(id);
    const { waiting, limit } = inference.queue(id);
    const ready = capacity.routableProviders > 0;
    const { estimatedTtft_ms } = capacity;
    return {
      id,
      ready,
      can_accept: ready || (capacity.providers > 0 && waiting < limit),
      routable_providers: capacity.routableProviders,
      warm_providers: capacity.warmProviders,
      running_providers: capacity.runningProviders,
      cold_providers: capacity.providers - capacity.warmProviders,
      active_requests: capacity.running + capacity.waiting,
      queued_requests: waiting,
      queue_limit: limit,
      aggregate_tps: Math.round(capacity.decode_tps),
      estimated_ttft_ms: estimatedTtft_ms === undefined ? null : Math.round(estimatedTtft_ms),
      token_budget_remaining: capacity.tokenBudgetMax - capacity.tokenBudgetUsed,
      token_budget_total: capacity.tokenBudgetMax,
    };
  });
}
