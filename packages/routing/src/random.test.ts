import { describe, expect, it } from "vitest";
import { seededRandom, xoshiro128StarStar } from "./random.js";

const take = (count: number, source: () => number) => Array.from({ length: count }, source);

describe("seeded randomness", () => {
  it("is xoshiro128** 1.1", () => {
    // Output of the reference implementation from state 1, 2, 3, 4; also the test vector of the Rust crate rand_xoshiro.
    expect(take(10, xoshiro128StarStar(1, 2, 3, 4))).toEqual([
      11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
    ]);
  });

  it("repeats for a seed and differs between seeds", () => {
    expect(take(5, seededRandom(7))).toEqual(take(5, seededRandom(7)));
    expect(take(5, seededRandom(7))).not.toEqual(take(5, seededRandom(8)));
  });

  it("spreads evenly over [0, 1)", () => {
    const tenths = new Array<number>(10).fill(0);
    for (const value of take(10_000, seededRandom(0))) {
      const tenth = Math.floor(value * 10);
      tenths[tenth] = (tenths[tenth] ?? 0) + 1;
    }
    expect(tenths).toHaveLength(10);
    for (const count of tenths) expect(count).toBeGreaterThan(900);
  });
});
