import { expect, it } from "vitest";
import { measureMemoryBandwidth_gbs } from "./memory-bandwidth.js";

it("counts what is read and what is written, and takes the best of several copies", () => {
  const times = [0, 100, 100, 164, 200, 300, 300, 400];
  // 128 MiB in 64 ms.
  expect(measureMemoryBandwidth_gbs(() => times.shift() ?? 0)).toBeCloseTo((2 * 2 ** 26) / 64e6, 6);
});

it("is unknown where the clock shows nothing", () => {
  expect(measureMemoryBandwidth_gbs(() => 0)).toBe(0);
});
