import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DrainRate } from "./drain-rate.js";
import { createObservedRates, OBSERVED_RATES_LIMITS } from "./observed-rates.js";
import { Ring } from "./ring.js";

describe("a ring of figures", () => {
  it("gives the quantiles of the latest, whatever came before", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 50 })),
        fc.integer({ min: 1, max: 20 }),
        fc.constantFrom(0.5, 0.9, 1),
        (all, capacity, q) => {
          const ring = new Ring(capacity);
          for (const value of all) ring.add(value);
          const latest = all.slice(-capacity).sort((a, b) => a - b);
          expect(ring.size).toBe(latest.length);
          expect(ring.quantile(q)).toBe(latest[Math.ceil(q * latest.length) - 1] ?? 0);
        },
      ),
    );
  });
});

describe("the rate at which places become free", () => {
  it("is unknown until some have", () => {
    const rate = new DrainRate();
    for (let end = 0; end < 2; end += 1) {
      rate.placed(end);
      rate.freed(end + 1_000);
    }
    expect(rate.perSecond(2_000)).toBe(0);
  });

  it("follows from how long places are kept and how many are taken", () => {
    const rate = new DrainRate();
    let now_ms = 0;
    for (let place = 0; place < 4; place += 1) rate.placed(now_ms);
    // Four places, each kept for 2 s: two become free a second.
    for (let turn = 0; turn < 100; turn += 1) {
      now_ms += 500;
      rate.freed(now_ms);
      rate.placed(now_ms);
    }
    expect(rate.perSecond(now_ms)).toBeCloseTo(2, 1);
  });

  it("is not lowered by a quiet hour, and is by answers that do not end", () => {
    const rate = new DrainRate();
    for (let turn = 0; turn < 10; turn += 1) {
      rate.placed(turn * 1_000);
      rate.freed(turn * 1_000 + 1_000);
    }
    rate.placed(3_600_000);
    expect(rate.perSecond(3_600_000)).toBeCloseTo(1, 5);
    expect(rate.perSecond(3_700_000)).toBeLessThan(0.1);
    expect(rate.taken).toBe(1);
  });
});

describe("observed rates", () => {
  it("give the median decode rate of a build on a class, of the latest fifty", () => {
    const rates = createObservedRates();
    expect(rates.decode_tps("oak", "cpu-avx2")).toBe(0);
    for (let sample = 0; sample < 50; sample += 1) rates.decoded("oak", "cpu-avx2", 10);
    for (let sample = 0; sample < 26; sample += 1) rates.decoded("oak", "cpu-avx2", 20);
    rates.decoded("oak", "cpu-avx2", 0);
    expect(rates.decode_tps("oak", "cpu-avx2")).toBe(20);
    expect(rates.decode_tps("oak", "rtx-4090")).toBe(0);
  });

  it("give the mean load time once three were seen, the latest counting a quarter", () => {
    const rates = createObservedRates();
    rates.loaded("oak", 4_000);
    rates.loaded("oak", 4_000);
    expect(rates.load_ms("oak")).toBe(0);
    rates.loaded("oak", 8_000);
    rates.loaded("oak", Number.NaN);
    expect(rates.load_ms("oak")).toBe(5_000);
  });

  it("give the wait for first content that nine of ten do not exceed, by length of prompt", () => {
    const rates = createObservedRates();
    for (let sample = 1; sample < OBSERVED_RATES_LIMITS.firstContents_min; sample += 1) rates.firstContent("oak", 500, sample);
    expect(rates.firstContentP90_ms("oak", 500)).toBe(0);
    rates.firstContent("oak", 500, 5_000);
    expect(rates.firstContentP90_ms("oak", 999)).toBe(18);
    expect(rates.firstContentP90_ms("oak", 1_000)).toBe(0);
    expect(rates.firstContentP90_ms("elm", 500)).toBe(0);
    for (let sample = 0; sample < 20; sample += 1) rates.firstContent("oak", 1_000_000, 60_000);
    expect(rates.firstContentP90_ms("oak", 16_000)).toBe(60_000);
  });

  it("give the drain rate of a build", () => {
    const rates = createObservedRates();
    rates.freed("oak", 0);
    for (let turn = 0; turn < 5; turn += 1) {
      rates.placed("oak", turn * 500);
      rates.freed("oak", turn * 500 + 500);
    }
    expect(rates.drain_perSecond("oak", 2_500)).toBeCloseTo(2, 5);
    expect(rates.drain_perSecond("elm", 2_500)).toBe(0);
  });

  it("forget what was heard of least recently when there is too much", () => {
    const rates = createObservedRates();
    for (let build = 0; build <= OBSERVED_RATES_LIMITS.entries_max; build += 1) rates.decoded(`build ${build}`, "cpu", 10);
    expect(rates.decode_tps("build 0", "cpu")).toBe(0);
    expect(rates.decode_tps("build 1", "cpu")).toBe(10);
  });
});
