import { z } from "zod";
import type { HttpDependencies } from "../dependencies.js";

const share = z.number().min(0).max(1);
const count = z.int().min(0);

/** How much of what its machines offer one build uses. */
const modelUtilization = z.object({
  model: z.string(),
  utilization: share.describe("The larger of the two below."),
  warm_utilization: share.describe("Requests under way and waiting, over the places of its machines; 1 for demand without places."),
  token_budget_utilization: share,
  demand_concurrency: count.describe("Requests that run, wait on a machine, or wait in line."),
  serving_capacity: count.describe("Requests that its machines take at once."),
  warm_providers: count,
  cold_providers: count,
  running_providers: count,
  routable_providers: count,
  active_requests: count,
  queued_requests: count,
  spill_rate: z
    .number()
    .min(0)
    .describe("Requests a second that found no place of late, or one that came too late; as of the last plan of loads."),
  token_budget_used: count,
  token_budget_total: count,
  aggregate_tps: z.number().min(0),
});
type ModelUtilization = z.infer<typeof modelUtilization>;

export const utilizationObject = z.object({
  utilization: share.describe("Demand over capacity, all builds together."),
  token_budget_utilization: share.describe("Of the tokens for which machines have room; what builds share in memory counts once."),
  token_budget_used: count,
  token_budget_total: count,
  bottleneck_model: z.string().nullable().describe("The build that is used most; null when none is used."),
  bottleneck_utilization: share,
  demand_concurrency: count,
  serving_capacity: count,
  capacity_tps: z.number().min(0),
  active_requests: count,
  queued_requests: count,
  spill_rate: z.number().min(0).describe("The same of all builds."),
  models: z.array(modelUtilization),
  generated_at: z.iso.datetime(),
});
export type NetworkUtilization = z.infer<typeof utilizationObject>;

/** How much of the network's capacity is in use, by build. Source: routing.md §17. */
export function utilizationOf({
  catalog,
  fleet,
  inference,
  clock,
}: {
  readonly catalog: Pick<HttpDependencies["catalog"], "builds">;
  readonly fleet: Pick<HttpDependencies["fleet"], "capacity" | "tokenPool" | "demand">;
  readonly inference: Pick<HttpDependencies["inference"], "queue">;
  readonly clock: Pick<HttpDependencies["clock"], "date">;
}): NetworkUtilization {
  const spills = new Map(fleet.demand().map(({ build, spills_perSecond }) => [build, spills_perSecond]));
  const models = catalog.builds().map(({ id }) => ofBuild(fleet.capacity(id), inference.queue(id).waiting, spills.get(id) ?? 0));
  const pool = fleet.tokenPool();
  const total = (figure: (model: ModelUtilization) => number): number => models.reduce((sum, model) => sum + figure(model), 0);
  const bottleneck = models.reduce<ModelUtilization | undefined>((most, model) => (isMore(model, most) ? model : most), undefined);
  return {
    utilization: used(
      total((model) => model.demand_concurrency),
      total((model) => model.serving_capacity),
    ),
    token_budget_utilization: used(pool.used, pool.total),
    token_budget_used: pool.used,
    token_budget_total: pool.total,
    bottleneck_model: bottleneck?.model ?? null,
    bottleneck_utilization: bottleneck?.utilization ?? 0,
    demand_concurrency: total((model) => model.demand_concurrency),
    serving_capacity: total((model) => model.serving_capacity),
    capacity_tps: total((model) => model.aggregate_tps),
    active_requests: total((model) => model.active_requests),
    queued_requests: total((model) => model.queued_requests),
    spill_rate: total((model) => model.spill_rate),
    models,
    generated_at: clock.date().toISOString(),
  };
}

function ofBuild(capacity: ReturnType<HttpDependencies["fleet"]["capacity"]>, queued: number, spill_rate: number): ModelUtilization {
  const active = capacity.running + capacity.waiting;
  const warm_utilization = used(active + queued, capacity.places);
  const token_budget_utilization = used(capacity.tokenBudgetUsed, capacity.tokenBudgetMax);
  return {
    model: capacity.build,
    utilization: Math.max(warm_utilization, token_budget_utilization),
    warm_utilization,
    token_budget_utilization,
    demand_concurrency: active + queued,
    serving_capacity: capacity.places,
    warm_providers: capacity.warmProviders,
    cold_providers: capacity.providers - capacity.warmProviders,
    running_providers: capacity.runningProviders,
    routable_providers: capacity.routableProviders,
    active_requests: active,
    queued_requests: queued,
    spill_rate,
    token_budget_used: capacity.tokenBudgetUsed,
    token_budget_total: capacity.tokenBudgetMax,
    aggregate_tps: Math.round(capacity.decode_tps),
  };
}

/** Demand that nothing can take is a full house. */
function used(demand: number, capacity: number): number {
  if (capacity > 0) return Math.min(1, demand / capacity);
  return demand > 0 ? 1 : 0;
}

function isMore(model: ModelUtilization, most: ModelUtilization | undefined): boolean {
  return model.utilization > (most?.utilization ?? 0);
}
