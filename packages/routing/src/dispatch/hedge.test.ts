import { describe, expect, it } from "vitest";
import { createHedgeBudget, HEDGE_BUDGET, hedgeDelay_ms } from "./hedge.js";

describe("the delay of a hedge", () => {
  it("is half the deadline while nothing is known, and follows what is usual after that", () => {
    expect(hedgeDelay_ms(5_000, undefined)).toBe(2_500);
    expect(hedgeDelay_ms(5_000, 0)).toBe(2_500);
    expect(hedgeDelay_ms(5_000, 600)).toBe(900);
    expect(hedgeDelay_ms(5_000, 10)).toBe(250);
    expect(hedgeDelay_ms(5_000, 9_000)).toBe(2_500);
  });
});

describe("the budget of hedges", () => {
  it("earns one hedge in twenty requests, for each build apart", () => {
    const budget = createHedgeBudget();
    expect(budget.take("a", 0)).toBe(true);
    expect(budget.take("a", 0)).toBe(false);
    for (let request = 0; request < 19; request += 1) budget.dispatched("a", 0);
    expect(budget.take("a", 0)).toBe(false);
    budget.dispatched("a", 0);
    expect(budget.take("a", 0)).toBe(true);
    expect(budget.take("b", 0)).toBe(true);
  });

  it("is another share where one is asked for, and none at all where that is 0", () => {
    const [half, none] = [createHedgeBudget(0.5), createHedgeBudget(0)];
    let taken = 0;
    for (let request = 0; request < 100; request += 1) {
      half.dispatched("a", 0);
      none.dispatched("a", 0);
      if (half.take("a", 0)) taken += 1;
      expect(none.take("a", 0)).toBe(false);
    }
    expect(taken).toBeGreaterThanOrEqual(50);
    expect(taken).toBeLessThanOrEqual(51);
  });

  it("is taken in advance for a request that has lost a machine, and earned back before anybody else has one", () => {
    const budget = createHedgeBudget();
    for (let request = 0; request < 40; request += 1) budget.dispatched("a", 0);
    const taken = (failures: number) => budget.take("a", 0, failures);
    expect([taken(0), taken(0), taken(0), taken(1), taken(1), taken(1)]).toEqual([true, true, false, true, true, false]);
    for (let request = 0; request < 59; request += 1) budget.dispatched("a", 0);
    expect(taken(0)).toBe(false);
    budget.dispatched("a", 0);
    expect(taken(0)).toBe(true);
  });

  it("saves up no more than the last minute's share", () => {
    const budget = createHedgeBudget();
    for (let request = 0; request < 1_000; request += 1) budget.dispatched("a", 0);
    let taken = 0;
    while (budget.take("a", HEDGE_BUDGET.window_ms)) taken += 1;
    expect(taken).toBe(50);
    for (let request = 0; request < 1_000; request += 1) budget.dispatched("a", 2 * HEDGE_BUDGET.window_ms);
    budget.dispatched("a", 10 * HEDGE_BUDGET.window_ms);
    expect([budget.take("a", 10 * HEDGE_BUDGET.window_ms), budget.take("a", 10 * HEDGE_BUDGET.window_ms)]).toEqual([true, false]);
  });

  it("never lets more than its share and one through, whatever the traffic", () => {
    const budget = createHedgeBudget();
    let taken = 0;
    for (let request = 0; request < 10_000; request += 1) {
      budget.dispatched("a", request * 37);
      if (budget.take("a", request * 37)) taken += 1;
    }
    expect(taken).toBeLessThanOrEqual(10_000 * HEDGE_BUDGET.share + HEDGE_BUDGET.burst_min);
    expect(taken).toBeGreaterThan(400);
  });
});
