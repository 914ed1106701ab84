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
