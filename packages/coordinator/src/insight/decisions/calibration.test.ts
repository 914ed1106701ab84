import { DEFAULT_COST_PROFILE } from "@umbel/routing";
import { describe, expect, it } from "vitest";
import { type CalibrationRow, PROPOSAL_ANSWERS_MIN, proposals } from "./calibration.js";

const ROW: CalibrationRow = {
  build: "sprout",
  computeClass: "cpu-avx2",
  answers: 100,
  ttft_ms: 200,
  expectedTtft_ms: 180,
  error_ms: 20,
  errorP90_ms: 60,
  solo: 50,
  solo_tps: 100,
  shared: 50,
  // Four streams at a slope of 0.5: a third of the rate.
  shared_tps: 100 / 3,
  sharedWith: 4,
  cold: 0,
  coldTtft_ms: null,
  ...{ woken: 0, wokenTtft_ms: null, outputShare: null, rated: 0, prefillPerDecode: null },
  ...{ queued_ms: null, pending_ms: null, memoryPressure_ms: null, cpu_ms: null },
  ...{ queuedFit: null, pendingFit: null, memoryPressureFit: null, cpuFit: null },
  ...{ fair: 0, fairError_ms: null, serious: 0, seriousError_ms: null, coolError_ms: null },
  runnersUpKnown: 10,
  runnersUpFaster: 1,
};

describe("a calibration's proposals", () => {
  it("are the slope at which shared answers became slower", () => {
    const [proposal] = proposals([ROW], DEFAULT_COST_PROFILE);
    expect(proposal).toMatchObject({ coefficient: "batchSlowdown", current: DEFAULT_COST_PROFILE.batchSlowdown, answers: 50 });
    expect(proposal?.proposed).toBeCloseTo(0.5);
  });

  it("are what a load took, weighed by answers", () => {
    const cold = { ...ROW, solo: 0 };
    const rows = [
      { ...cold, cold: 30, coldTtft_ms: 4_000 },
      { ...cold, cold: 90, coldTtft_ms: 8_000 },
    ];
    expect(proposals(rows, DEFAULT_COST_PROFILE)).toEqual([
      { coefficient: "coldLoad_ms", current: DEFAULT_COST_PROFILE.coldLoad_ms, proposed: 7_000, answers: 120 },
    ]);
  });

  it.each<[string, Partial<CalibrationRow>, number | undefined]>([
    ["wakeLoad_ms", { woken: 20, wokenTtft_ms: 3_000 }, 3_000],
    ["wakeLoad_ms", { woken: 19, wokenTtft_ms: 3_000 }, undefined],
    ["decodeWeight", { outputShare: 0.5 }, 0.5],
    ["prefillPerDecode", { rated: 40, prefillPerDecode: 30 }, 30],
    ["prefillPerDecode", { rated: 0, prefillPerDecode: 30 }, undefined],
    ["queued_ms", { queued_ms: 400, queuedFit: 0.4 }, 400],
    ["queued_ms", { queued_ms: -400, queuedFit: 0.4 }, 0],
    ["queued_ms", { queued_ms: 400, queuedFit: 0.05 }, undefined],
    ["pending_ms", { pending_ms: 50, pendingFit: 0.2 }, 50],
    ["memoryPressure_ms", { memoryPressure_ms: 9_000, memoryPressureFit: 0.2 }, 9_000],
    ["cpu_ms", { cpu_ms: 700, cpuFit: 0.1 }, 700],
    ["thermalFair_ms", { fair: 30, fairError_ms: 520, coolError_ms: 20 }, 500],
    ["thermalSerious_ms", { serious: 30, seriousError_ms: 10, coolError_ms: 20 }, 0],
    ["thermalSerious_ms", { serious: 30, seriousError_ms: 10, coolError_ms: null }, undefined],
  ])("are of %s, from %j: %s", (coefficient, change, proposed) => {
    const found = proposals([{ ...ROW, solo: 0, ...change }], DEFAULT_COST_PROFILE);
    expect(found.find((each) => each.coefficient === coefficient)?.proposed).toBe(proposed);
    expect(found).toHaveLength(proposed === undefined ? 0 : 1);
  });

  it("are none where the coefficient in use is right already", () => {
    const inUse = { ...DEFAULT_COST_PROFILE, batchSlowdown: 0.5 };
    expect(proposals([ROW], inUse)).toEqual([]);
    expect(proposals([{ ...ROW, shared_tps: 100 }], inUse)).toMatchObject([{ current: 0.5, proposed: 0 }]);
  });

  it("are none from few answers, and none where a coefficient is nearly right", () => {
    expect(proposals([{ ...ROW, shared: PROPOSAL_ANSWERS_MIN - 1 }], DEFAULT_COST_PROFILE)).toEqual([]);
    const right = 100 / (1 + DEFAULT_COST_PROFILE.batchSlowdown * 4);
    expect(proposals([{ ...ROW, shared_tps: right }], DEFAULT_COST_PROFILE)).toEqual([]);
    expect(proposals([], DEFAULT_COST_PROFILE)).toEqual([]);
  });
});
