import type { ProviderView } from "@umbel/routing";
import { z } from "zod";
import { utilizationOf } from "../admin/utilization.js";
import type { HttpDependencies } from "../dependencies.js";
import { flowObject, flowsOf, LOCATION_LIMITS, locationObject, locationsOf } from "./locations.js";

export const STATS_LIMITS = {
  valid_ms: 60_000,
  /** Minutes of the series. */
  minutes: 30,
  /** Machines listed one by one. */
  machines_max: 1_000,
  /** A kind of machine that fewer have would say whose it is. */
  kind_machines_min: 2,
} as const;

const OTHER_KINDS = "other";
const MINUTE_ms = 60_000;

const count = z.int().min(0);
const machine = z.object({
  id: z.string(),
  kind: z.string(),
  trust_level: z.string(),
  version: z.string(),
  status: z.enum(["online", "draining"]),
  models: z.array(z.string()),
});

export const statsObject = z.object({
  total_requests: count,
  total_prompt_tokens: count,
  total_completion_tokens: count,
  total_tokens: count,
  avg_tokens_per_request: z.number().min(0),
  active_providers: count,
  attested_providers: count,
  total_memory_gb: z.number().min(0),
  network_capacity_tps: z.number().min(0),
  network_utilization: z.object({
    utilization: z.number(),
    bottleneck_utilization: z.number(),
    bottleneck_model: z.string().nullable(),
  }),
  hardware: z
    .array(z.object({ kind: z.string(), providers: count, memory_gb: z.number() }))
    .describe(`Kinds that fewer than ${STATS_LIMITS.kind_machines_min} machines are of stand together as "${OTHER_KINDS}".`),
  hardware_privacy_min_providers: count,
  models: z.array(z.object({ id: z.string(), providers: count })),
  providers: z.array(machine).describe("Machines whose owners let them be listed, by pseudonym, without what each does."),
  unlisted_providers: count,
  locations: z
    .array(locationObject)
    .describe("Machines whose owners say where they stand, and what they answered in the last 24 hours, since this coordinator started."),
  unlocated_providers: count.describe("Of which that is not said, or that are too few where they stand."),
  flows: z
    .array(flowObject)
    .describe("Between countries: from where such answers were asked for, as far as that is known, to where they were written."),
  location_privacy: z.object({ min_providers: count, city_min_requests: count, flow_min_requests: count, max_flows: count }),
  time_series: z
    .array(z.object({ timestamp: z.iso.datetime(), requests: count, prompt_tokens: count, completion_tokens: count, total_tokens: count }))
    .describe("By the minute."),
  generated_at: z.iso.datetime(),
});
type Stats = z.infer<typeof statsObject>;

/** What the public may know of the network: sums, and machines by pseudonym. Sources: routing.md §17; console.md §8. */
export async function networkStats(dependencies: HttpDependencies): Promise<Stats> {
  const { statistics, fleet, catalog, clock, places } = dependencies;
  const now = clock.date();
  const start_ms = Math.floor(now.getTime() / MINUTE_ms) * MINUTE_ms - (STATS_LIMITS.minutes - 1) * MINUTE_ms;
  const [totals, minutes, unlisted] = await Promise.all([
    statistics.usageTotals(),
    statistics.usageMinutes(new Date(start_ms)),
    statistics.unlisted(),
  ]);
  const machines = [...fleet.publicViews()];
  const listed = machines.filter(({ accountId }) => accountId === undefined || !unlisted.has(accountId));
  const hardware = hardwareOf(machines);
  const kinds = new Set(hardware.map(({ kind }) => kind));
  const { utilization, bottleneck_utilization, bottleneck_model, capacity_tps } = utilizationOf(dependencies);
  const [standing, served] = [fleet.publicLocations(), places.lately()];
  const locations = locationsOf(standing, served);
  const total_tokens = totals.prompt_tokens + totals.completion_tokens;
  const builds = new Set(catalog.builds().map(({ id }) => id));
  return {
    total_requests: totals.requests,
    total_prompt_tokens: totals.prompt_tokens,
    total_completion_tokens: totals.completion_tokens,
    total_tokens,
    avg_tokens_per_request: totals.requests === 0 ? 0 : total_tokens / totals.requests,
    active_providers: machines.length,
    attested_providers: machines.filter(({ trustLevel }) => trustLevel !== "none").length,
    total_memory_gb: sum(machines.map((view) => view.totalMemory_gb)),
    network_capacity_tps: capacity_tps,
    network_utilization: { utilization, bottleneck_utilization, bottleneck_model },
    hardware,
    hardware_privacy_min_providers: STATS_LIMITS.kind_machines_min,
    models: [...builds].map((id) => ({ id, providers: machines.filter((view) => view.builds.has(id)).length })),
    providers: listed.slice(0, STATS_LIMITS.machines_max).map((view) => ({
      id: fleet.publicId(view.machineId),
      kind: kinds.has(view.computeClass) ? view.computeClass : OTHER_KINDS,
      trust_level: view.trustLevel,
      version: view.version,
      status: view.draining ? "draining" : "online",
      models: [...view.builds.keys()].filter((id) => builds.has(id)),
    })),
    unlisted_providers: machines.length - listed.length,
    locations: [...locations],
    unlocated_providers: machines.length - sum(locations.map(({ providers }) => providers)),
    flows: [...flowsOf(standing, served)],
    location_privacy: {
      min_providers: LOCATION_LIMITS.providers_min,
      city_min_requests: LOCATION_LIMITS.city_requests_min,
      flow_min_requests: LOCATION_LIMITS.flow_requests_min,
      max_flows: LOCATION_LIMITS.flows_max,
    },
    time_series: series(minutes, start_ms),
    generated_at: now.toISOString(),
  };
}

function hardwareOf(machines: readonly ProviderView[]): Stats["hardware"] {
  const byClass = new Map<string, ProviderView[]>();
  for (const view of machines) byClass.set(view.computeClass, [...(byClass.get(view.computeClass) ?? []), view]);
  const rare = [...byClass.values()].filter((some) => some.length < STATS_LIMITS.kind_machines_min).flat();
  const common = [...byClass].filter(([, some]) => some.length >= STATS_LIMITS.kind_machines_min);
  const rows = common.map(([kind, some]) => ({ kind, providers: some.length, memory_gb: memoryOf(some) }));
  return rare.length === 0 ? rows : [...rows, { kind: OTHER_KINDS, providers: rare.length, memory_gb: memoryOf(rare) }];
}

function memoryOf(machines: readonly ProviderView[]): number {
  return sum(machines.map((view) => view.totalMemory_gb));
}

function series(minutes: Awaited<ReturnType<HttpDependencies["statistics"]["usageMinutes"]>>, start_ms: number): Stats["time_series"] {
  const known = new Map(minutes.map((row) => [row.minute.getTime(), row]));
  return Array.from({ length: STATS_LIMITS.minutes }, (_, index) => {
    const at_ms = start_ms + index * MINUTE_ms;
    const { requests, prompt_tokens, completion_tokens } = known.get(at_ms) ?? { requests: 0, prompt_tokens: 0, completion_tokens: 0 };
    const total_tokens = prompt_tokens + completion_tokens;
    return { timestamp: new Date(at_ms).toISOString(), requests, prompt_tokens, completion_tokens, total_tokens };
  });
}

function sum(figures: readonly number[]): number {
  return figures.reduce((total, figure) => total + figure, 0);
}
