import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FadingCount } from "./fading-count.js";

describe("a fading count", () => {
  it("halves with elapsed time alone, however steadily events come", () => {
    const count = new FadingCount(60_000);
    expect(count.at(0)).toBe(0);
    count.add(1_000);
    expect(count.at(1_000)).toBe(1);
    expect(count.at(61_000)).toBeCloseTo(0.5);
    expect(count.at(121_000)).toBeCloseTo(0.25);
  });

  it("stands still under steady traffic, at the rate that it tells, and then falls", () => {
    const count = new FadingCount(30_000);
    for (let at_ms = 0; at_ms <= 600_000; at_ms += 500) count.add(at_ms);
    expect(count.rate_perSecond(600_000)).toBeCloseTo(2, 1);
    expect(count.rate_perSecond(900_000)).toBeLessThan(0.01);
  });

  it("does not depend on when it was looked at, nor does a clock that stands still or lags hurt it", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(10_000), { minLength: 1, maxLength: 30 }), (gaps_ms) => {
        const [watched, alone] = [new FadingCount(5_000), new FadingCount(5_000)];
        let now_ms = 0;
        for (const gap_ms of gaps_ms) {
          now_ms += gap_ms;
          watched.add(now_ms);
          watched.at(now_ms + 1);
          alone.add(now_ms);
        }
        expect(watched.at(now_ms)).toBe(alone.at(now_ms));
        expect(watched.at(now_ms - 1)).toBe(alone.at(now_ms));
      }),
    );
  });
});
