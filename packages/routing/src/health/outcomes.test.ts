import { describe, expect, it } from "vitest";
import { NO_OUTCOMES, type OutcomeCounts, reliabilityOf, withOutcome } from "./outcomes.js";
import { NEW_REPUTATION, reputationScore, withResponse } from "./reputation.js";

function counted(successes: number, failures: number): OutcomeCounts {
  let counts = NO_OUTCOMES;
  for (let job = 0; job < successes; job += 1) counts = withOutcome(counts, "success");
  for (let job = 0; job < failures; job += 1) counts = withOutcome(counts, "failure");
  return counts;
}

describe("reliability", () => {
  it("is the lower end of Wilson's interval at 95 %, from twenty outcomes on", () => {
    expect(reliabilityOf(counted(19, 0))).toBeUndefined();
    expect(reliabilityOf(counted(20, 0))).toBeCloseTo(0.8389, 4);
    expect(reliabilityOf(counted(90, 10))).toBeCloseTo(0.8256, 4);
    expect(reliabilityOf(counted(0, 20))).toBe(0);
  });

  it("lets a machine make good: old outcomes fade", () => {
    const bad = counted(0, 500);
    let counts = bad;
    for (let job = 0; job < 2_000; job += 1) counts = withOutcome(counts, "success");
    expect(reliabilityOf(counts) ?? 0).toBeGreaterThan(0.95);
  });
});

describe("the reputation score", () => {
  it("is half for a machine of which nothing is known", () => {
    expect(reputationScore({ ...NEW_REPUTATION, uptime_ms: 1e9 })).toBe(0.5);
  });

  it("weighs work, uptime, challenges and response", () => {
    const best = { jobsOk: 9, jobsFailed: 0, challengesOk: 5, challengesFailed: 0, uptime_ms: 24 * 3_600_000, response_ms: 800 };
    expect(reputationScore(best)).toBeCloseTo(1, 10);
    expect(reputationScore({ ...best, jobsOk: 1, jobsFailed: 3 })).toBeCloseTo(1 - 0.4 * 0.75, 10);
    expect(reputationScore({ ...best, uptime_ms: 0 })).toBeCloseTo(1 - 0.3 * 0.5, 10);
    expect(reputationScore({ ...best, challengesFailed: 5 })).toBeCloseTo(1 - 0.2 * 0.5, 10);
    expect(reputationScore({ ...best, response_ms: 5_500 })).toBeCloseTo(1 - 0.1 * 0.5, 10);
    expect(reputationScore({ ...best, response_ms: 60_000 })).toBeCloseTo(0.9, 10);
  });

  it("averages responses, the latest counting a fifth, and ignores what says nothing", () => {
    const first = withResponse(NEW_REPUTATION, 1_000);
    expect(first.response_ms).toBe(1_000);
    expect(withResponse(first, 2_000).response_ms).toBe(1_200);
    expect(withResponse(first, 0)).toBe(first);
    expect(withResponse(first, Number.NaN)).toBe(first);
  });
});
