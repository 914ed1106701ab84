import { describe, expect, it } from "vitest";
import { seededRandom } from "../random.js";
import { Histogram } from "./histogram.js";

describe("a histogram", () => {
  it("knows percentiles of a long stream to within one per cent", () => {
    const histogram = new Histogram();
    const random = seededRandom(1);
    const values = Array.from({ length: 20_000 }, () => 5 * 10_000 ** random());
    for (const value of values) histogram.add(value);
    values.sort((a, b) => a - b);
    for (const share of [0.05, 0.5, 0.95, 0.99]) {
      const exact = values[Math.ceil(share * values.length) - 1] ?? 0;
      expect(histogram.percentile(share) / exact).toBeGreaterThan(0.99);
      expect(histogram.percentile(share) / exact).toBeLessThan(1.01);
    }
    expect(histogram.mean).toBeCloseTo(values.reduce((sum, value) => sum + value, 0) / values.length, 6);
  });

  it("says zero of nothing, and forgets when told to", () => {
    const histogram = new Histogram();
    expect(histogram.percentile(0.5)).toBe(0);
    histogram.add(100);
    histogram.clear();
    expect(histogram.percentile(0.5)).toBe(0);
    expect(histogram.mean).toBe(0);
  });
});
