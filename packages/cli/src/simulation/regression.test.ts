import { type PolicyName, simulate } from "@umbel/routing/simulator";
import { describe, expect, it } from "vitest";
import { loadScenario } from "./scenario-file.js";

/**
 * What routing achieved in the scenario `small` when it was last changed on purpose, as the mean over some seeds. A change that makes either
 * figure worse by more than the tolerance is a regression; one that makes them better raises the mark: put the new figures here.
 */
const ACCEPTED = { goodput_perSecond: 4.961, ttft_p95_ms: 1_761 } as const;
const TOLERANCE = 0.02;
const SEEDS = [1, 2, 3, 4] as const;
const LONG = { timeout: 180_000 };

async function achieved(policy: PolicyName) {
  const runs = await Promise.all(
    SEEDS.map(async (seed) => simulate((await loadScenario("small", { seed: String(seed) })).scenario, { policy }).figures),
  );
  const mean = (value: (figures: (typeof runs)[number]) => number) => runs.reduce((sum, figures) => sum + value(figures), 0) / runs.length;
  return {
    goodput_perSecond: mean((figures) => figures.goodput_perSecond),
    ttft_p50_ms: mean((figures) => figures.ttft_ms.p50),
    ttft_p95_ms: mean((figures) => figures.ttft_ms.p95),
    ttft_p99_ms: mean((figures) => figures.ttft_ms.p99),
  };
}

describe("routing in the reference scenario", () => {
  it("achieves what it did before, and more than taking whoever has fewest requests", LONG, async () => {
    const ours = await achieved("ours");
    expect(ours.goodput_perSecond).toBeGreaterThan(ACCEPTED.goodput_perSecond * (1 - TOLERANCE));
    expect(ours.ttft_p95_ms).toBeLessThan(ACCEPTED.ttft_p95_ms * (1 + TOLERANCE));
    const other = await achieved("least-pending");
    expect(ours.goodput_perSecond).toBeGreaterThan(other.goodput_perSecond);
    expect(ours.ttft_p50_ms).toBeLessThan(other.ttft_p50_ms);
    expect(ours.ttft_p99_ms).toBeLessThan(other.ttft_p99_ms);
  });
});
