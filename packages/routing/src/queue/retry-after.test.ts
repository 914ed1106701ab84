import { describe, expect, it } from "vitest";
import { seededRandom } from "../random.js";
import { retryAfter_s } from "./retry-after.js";

const middle = () => 0.5;

describe("when to come again", () => {
  it("is when those in line have had their turn, at the measured rate", () => {
    expect(retryAfter_s(9, 1, middle)).toBe(10);
    expect(retryAfter_s(0, 0.2, middle)).toBe(5);
  });

  it("is three seconds for each waiter while no rate is known", () => {
    expect(retryAfter_s(4, 0, middle)).toBe(12);
  });

  it("is never under 2 s or over 30 s, and differs by a fifth either way", () => {
    const random = seededRandom(1);
    const of = (waiting: number, rate: number) => Array.from({ length: 500 }, () => retryAfter_s(waiting, rate, random));
    const spread = (seconds: number[]) => [Math.min(...seconds), Math.max(...seconds)];
    expect(spread(of(0, 100))).toEqual([2, 2]);
    expect(spread(of(1_000, 0.01))).toEqual([24, 30]);
    expect(spread(of(9, 1))).toEqual([8, 12]);
  });
});
