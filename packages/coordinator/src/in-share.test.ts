import { describe, expect, it } from "vitest";
import { inShare } from "./in-share.js";

const things = Array.from({ length: 2_000 }, (_, index) => `thing-${index}`);
const within = (percent: number, name = "alias") => things.filter((thing) => inShare(percent, name, thing));

describe("a share", () => {
  it.each([1, 10, 50, 90])("of %i percent is about that many, always the same ones", (percent) => {
    expect(within(percent).length / things.length).toBeCloseTo(percent / 100, 1);
    expect(within(percent)).toEqual(within(percent));
  });

  it("grows without losing anybody, from none to all", () => {
    for (const [less, more] of [
      [0, 10],
      [10, 25],
      [25, 100],
    ] as const) {
      const greater = new Set(within(more));
      expect(within(less).every((thing) => greater.has(thing))).toBe(true);
    }
    expect([within(0).length, within(100).length]).toEqual([0, things.length]);
  });

  it("is another one for another name", () => {
    expect(within(50, "other")).not.toEqual(within(50));
  });
});
