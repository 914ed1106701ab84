import type { Clock } from "@umbel/protocol";
import type { Fleet } from "../fleet/index.js";
import type { NetworkUtilization } from "../http/index.js";
import type { Metrics } from "../insight/index.js";

/** For how long a reading stands: it takes a look at every machine for each build. Source: routing.md §17. */
export const CAPACITY_READING_ms = 15_000;

interface Sources {
  readonly utilization: () => NetworkUtilization;
  readonly fleet: Pick<Fleet, "census">;
  readonly clock: Pick<Clock, "now_ms">;
}

/** Machines, their use, and lines of requests as gauges, read when they are asked for. */
export function reportCapacity(metrics: Pick<Metrics, "gauge" | "gauges">, { utilization, fleet, clock }: Sources): void {
  let kept: { readonly at_ms: number; readonly reading: NetworkUtilization } | undefined;
  const read = (): NetworkUtilization => {
    const now_ms = clock.now_ms();
    if (kept === undefined || now_ms - kept.at_ms >= CAPACITY_READING_ms) kept = { at_ms: now_ms, reading: utilization() };
    return kept.reading;
  };
  const ofModels = <Kind extends string>(figures: (model: NetworkUtilization["models"][number]) => Readonly<Record<Kind, number>>) =>
    read().models.flatMap((model) =>
      Object.entries<number>(figures(model)).map(([kind, value]) => ({ labels: { model: model.model, kind }, value })),
    );

  metrics.gauges("providers", () => fleet.census().map(({ machines, ...labels }) => ({ labels, value: machines })));
  metrics.gauges("model_providers", () =>
    ofModels((model) => ({
      warm: model.warm_providers,
      cold: model.cold_providers,
      running: model.running_providers,
      routable: model.routable_providers,
    })),
  );
  metrics.gauges("model_requests", () => ofModels((model) => ({ active: model.active_requests, queued: model.queued_requests })));
  metrics.gauges("model_utilization", () =>
    ofModels((model) => ({ warm: model.warm_utilization, token_budget: model.token_budget_utilization })),
  );
  metrics.gauges("network_utilization", () => {
    const { utilization: all, token_budget_utilization, bottleneck_utilization } = read();
    const values = { warm: all, token_budget: token_budget_utilization, bottleneck: bottleneck_utilization };
    return Object.entries(values).map(([kind, value]) => ({ labels: { kind }, value }));
  });
  metrics.gauge("network_demand", () => read().demand_concurrency);
  metrics.gauge("network_spill_rate", () => read().spill_rate);
  metrics.gauge("network_places", () => read().serving_capacity);
  metrics.gauge("network_capacity_tps", () => read().capacity_tps);
}
