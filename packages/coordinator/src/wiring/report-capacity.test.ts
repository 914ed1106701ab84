import { createFakeClock } from "@umbel/protocol/testing";
import { describe, expect, it } from "vitest";
import type { NetworkUtilization } from "../http/index.js";
import { createMetrics } from "../insight/index.js";
import { CAPACITY_READING_ms, reportCapacity } from "./report-capacity.js";

const OAK: NetworkUtilization["models"][number] = {
  ...{ model: "oak", utilization: 0.75, warm_utilization: 0.5, token_budget_utilization: 0.75, demand_concurrency: 8 },
  ...{ serving_capacity: 16, warm_providers: 2, cold_providers: 1, running_providers: 2, routable_providers: 3, active_requests: 5 },
  ...{ queued_requests: 3, spill_rate: 0.25, token_budget_used: 3, token_budget_total: 4, aggregate_tps: 90 },
};
const READING: NetworkUtilization = {
  ...{ utilization: 0.5, token_budget_utilization: 0.75, bottleneck_model: "oak", bottleneck_utilization: 0.75, demand_concurrency: 8 },
  ...{
    serving_capacity: 16,
    capacity_tps: 90,
    active_requests: 5,
    queued_requests: 3,
    spill_rate: 0.25,
    models: [OAK],
    token_budget_used: 3,
    token_budget_total: 4,
    generated_at: "",
  },
};

describe("what a network can do, as gauges", () => {
  it("is read together, and again after a while only", async () => {
    const clock = createFakeClock();
    const metrics = createMetrics();
    let readings = 0;
    const utilization = () => {
      readings += 1;
      return READING;
    };
    const census = () => [{ version: "1.2.0", trust_level: "self_signed", status: "online", machines: 3 }] as const;
    reportCapacity(metrics, { utilization, fleet: { census }, clock });
    const text = metrics.render();
    for (const line of [
      'providers{version="1.2.0",trust_level="self_signed",status="online"} 3',
      'model_providers{model="oak",kind="cold"} 1',
      'model_requests{model="oak",kind="queued"} 3',
      'model_utilization{model="oak",kind="token_budget"} 0.75',
      'network_utilization{kind="bottleneck"} 0.75',
      "network_demand 8",
      "network_spill_rate 0.25",
      "network_places 16",
      "network_capacity_tps 90",
    ]) {
      expect(text).toContain(`umbel_${line}\n`);
    }
    metrics.render();
    expect(readings).toBe(1);
    await clock.advance(CAPACITY_READING_ms);
    metrics.render();
    expect(readings).toBe(2);
  });
});
