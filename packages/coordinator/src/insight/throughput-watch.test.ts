import type { MeasuredMachine, SlotView } from "@umbel/routing";
import { describe, expect, it } from "vitest";
import { createMetrics } from "./metrics.js";
import { watchThroughput } from "./throughput-watch.js";

describe("the watch over throughput", () => {
  const slot: SlotView = {
    ...{ build: "oak", state: "idle", running: 0, waiting: 0, maxConcurrency: 8, activeTokens: 0, tokenBudgetUsed: 0, tokenBudgetMax: 0 },
    ...{ observedDecode_tps: 5, observedPrefill_tps: 0, modelLoad_ms: 0 },
  };
  const slow: MeasuredMachine = { computeClass: "cpu-avx2", memoryBandwidth_gbs: 100, slots: new Map([["oak", slot]]) };

  it("counts and warns of a class that is far slower than its memory allows, and passes over builds of unknown memory", () => {
    const metrics = createMetrics();
    const warnings: unknown[] = [];
    watchThroughput({
      builds: () => [
        { id: "oak", memory: { resident_bytes: 4e9 } },
        { id: "elm", memory: null },
      ],
      viewsOf: () => [slow, slow, slow],
      limits: { ratio: 0.35, samples_min: 3, share: 0.8 },
      metrics,
      log: { warn: (fields: unknown) => void warnings.push(fields) },
    });
    expect(warnings).toEqual([
      { event: "throughput_anomaly", build: "oak", compute_class: "cpu-avx2", machines: 3, observed_tps: 5, expected_tps: 20 },
    ]);
    expect(metrics.render()).toContain('umbel_throughput_anomalies_total{model="oak",compute_class="cpu-avx2"} 1');
  });
});
