import { describe, expect, it } from "vitest";
import { bandwidthDecode_tps } from "../cost/bandwidth-decode.js";
import { BUILD, providerView, slotView } from "../testing/fixtures.js";
import type { SlotView } from "../types.js";
import { type AnomalyLimits, throughputAnomalies } from "./throughput-anomalies.js";

const LIMITS: AnomalyLimits = { ratio: 0.35, samples_min: 3, share: 0.8 };
/** A machine of 100 GB/s writes it at 20 tokens a second: of its experts, an eighth or so is at work. */
const WEIGHTS = { resident_bytes: 30e9, active_bytes: 4e9 };

function machine(computeClass: string, slot: Partial<SlotView>, memoryBandwidth_gbs = 100) {
  return providerView({ computeClass, memoryBandwidth_gbs, slots: new Map([[BUILD, slotView({ running: 1, ...slot })]]) });
}

const slow = (computeClass: string) => machine(computeClass, { observedDecode_tps: 5 });
const anomaliesOf = (views: Parameters<typeof throughputAnomalies>[2]) => throughputAnomalies(BUILD, WEIGHTS, views, LIMITS);

describe("machines slower than their memory explains", () => {
  it("expects a token for each time that the weights at work can be read", () => {
    expect(bandwidthDecode_tps(100, WEIGHTS)).toBe(20);
    expect(bandwidthDecode_tps(100, { resident_bytes: 8e9 })).toBe(10);
  });

  it("names a class whose median is below the share of what is expected, and no other", () => {
    const fast = [1, 2, 3].map(() => machine("gpu", { observedDecode_tps: 18 }));
    expect(anomaliesOf([slow("cpu"), slow("cpu"), slow("cpu"), ...fast])).toEqual([
      { computeClass: "cpu", machines: 3, observed_tps: 5, expected_tps: 20 },
    ]);
  });

  it("goes by the median: one slow machine among sound ones says nothing of its class", () => {
    const sound = machine("cpu", { observedDecode_tps: 15 });
    expect(anomaliesOf([slow("cpu"), sound, sound])).toEqual([]);
  });

  it.each([
    ["two machines", [slow("cpu"), slow("cpu")]],
    ["a machine that writes several streams", [slow("cpu"), slow("cpu"), machine("cpu", { observedDecode_tps: 5, running: 2 })]],
    ["a machine that has not measured itself", [slow("cpu"), slow("cpu"), machine("cpu", { observedDecode_tps: 0 })]],
    ["a machine of unknown bandwidth", [slow("cpu"), slow("cpu"), machine("cpu", { observedDecode_tps: 5 }, 0)]],
  ])("says nothing of too few: %s", (_, views) => {
    expect(anomaliesOf(views)).toEqual([]);
  });
});
