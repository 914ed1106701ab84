import { describe, expect, it } from "vitest";
import { seededRandom } from "../random.js";
import { type Distribution, distribution, draw, exponential, zipf } from "./distribution.js";

const DRAWS = 20_000;

function sorted(from: Distribution): number[] {
  const random = seededRandom(3);
  return Array.from({ length: DRAWS }, () => draw(from, random)).sort((a, b) => a - b);
}

describe("distributions", () => {
  it("take a plain number for itself", () => {
    expect(draw(distribution.parse(7), seededRandom(1))).toBe(7);
  });

  it("spread factors evenly between the ends of a log-uniform one", () => {
    const values = sorted({ kind: "log_uniform", min: 8, max: 160 });
    expect(values[0]).toBeGreaterThanOrEqual(8);
    expect(values.at(-1)).toBeLessThanOrEqual(160);
    expect(values[DRAWS / 2]).toBeCloseTo(Math.sqrt(8 * 160), -0.5);
  });

  it("hold a log-normal one to its median, its ninetieth percentile and its end", () => {
    const values = sorted({ kind: "lognormal", median: 400, p90: 2_000, max: 5_000 });
    expect((values[DRAWS / 2] ?? 0) / 400).toBeCloseTo(1, 1);
    expect((values[DRAWS * 0.9] ?? 0) / 2_000).toBeCloseTo(1, 1);
    expect(values.at(-1)).toBe(5_000);
  });

  it("draw the first rank twice as often as the second where popularity falls with the rank", () => {
    const random = seededRandom(4);
    const rank = zipf(10, 1);
    const counts = Array.from({ length: 10 }, () => 0);
    for (let index = 0; index < DRAWS; index += 1) {
      const drawn = rank(random);
      counts[drawn] = (counts[drawn] ?? 0) + 1;
    }
    expect((counts[0] ?? 0) / (counts[1] ?? 1)).toBeCloseTo(2, 0.5);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(DRAWS);
  });

  it("leave as long between events as their rate says, on average", () => {
    const random = seededRandom(5);
    let sum = 0;
    for (let index = 0; index < DRAWS; index += 1) sum += exponential(0.25, random);
    expect(sum / DRAWS).toBeCloseTo(4, 0.5);
  });
});
