import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clampUsage, costOf, FALLBACK_PRICES, feeOf, worstCase } from "./price.js";

const tokens = fc.nat({ max: 10_000_000 });
const price = fc.bigInt({ min: 1n, max: 10_000_000n });
const prices = fc.record({ input_microUsd: price, output_microUsd: price });
const usage = (prompt_tokens: number, completion_tokens: number) => ({
  prompt_tokens,
  completion_tokens,
  reasoning_tokens: 0,
  cached_prompt_tokens: 0,
});

describe("the price of a request", () => {
  it("follows the worked examples", () => {
    expect(worstCase({ promptBound_tokens: 1_000, outputBound_tokens: 1_000 }, FALLBACK_PRICES)).toBe(250n);
    expect(costOf(usage(400, 100), FALLBACK_PRICES)).toBe(100n);
    expect(costOf(usage(100, 50), FALLBACK_PRICES)).toBe(100n);
    expect(costOf(usage(1_000_000, 0), FALLBACK_PRICES)).toBe(50_000n);
  });

  it("is nothing for nothing, and the minimum for the first token", () => {
    expect(costOf(usage(0, 0), FALLBACK_PRICES)).toBe(0n);
    expect(costOf(usage(1, 0), FALLBACK_PRICES)).toBe(100n);
    expect(worstCase({ promptBound_tokens: 0, outputBound_tokens: 0 }, FALLBACK_PRICES)).toBe(100n);
  });

  it("rounds prompt and output down separately", () => {
    const halves = { input_microUsd: 1_500_000n, output_microUsd: 1_500_000n };
    expect(costOf(usage(101, 101), halves)).toBe(151n + 151n);
  });

  it("never falls when tokens or prices rise, and never exceeds the worst case within the bounds", () => {
    fc.assert(
      fc.property(tokens, tokens, tokens, tokens, prices, price, (prompt, output, morePrompt, moreOutput, unit, dearer) => {
        const cost = costOf(usage(prompt, output), unit);
        expect(costOf(usage(prompt + morePrompt, output + moreOutput), unit)).toBeGreaterThanOrEqual(cost);
        expect(costOf(usage(prompt, output), { ...unit, output_microUsd: unit.output_microUsd + dearer })).toBeGreaterThanOrEqual(cost);
        const bounds = { promptBound_tokens: prompt + morePrompt, outputBound_tokens: output + moreOutput };
        expect(cost).toBeLessThanOrEqual(worstCase(bounds, unit));
      }),
    );
  });

  it("is not beaten by splitting a request", () => {
    fc.assert(
      fc.property(tokens, tokens, tokens, tokens, prices, (a, b, c, d, unit) => {
        const whole = costOf(usage(a + c, b + d), unit);
        const parts = costOf(usage(a, b), unit) + costOf(usage(c, d), unit);
        expect(parts).toBeGreaterThanOrEqual(whole - 2n);
      }),
    );
  });

  it("is shared without remainder", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 15n }), fc.integer({ min: 0, max: 100 }), (cost, percent) => {
        const fee = feeOf(cost, percent);
        expect(fee).toBeGreaterThanOrEqual(0n);
        expect(fee).toBeLessThanOrEqual(cost);
      }),
    );
    expect(feeOf(1_000n, 10)).toBe(100n);
    expect(feeOf(99n, 1)).toBe(0n);
    expect(feeOf(99n, 100)).toBe(99n);
  });
});

describe("reported usage", () => {
  const bounds = { promptBound_tokens: 1_000, outputBound_tokens: 500 };

  it("inside the bounds is taken as it is", () => {
    const reported = { prompt_tokens: 1_000, completion_tokens: 500, reasoning_tokens: 20, cached_prompt_tokens: 900 };
    expect(clampUsage(reported, bounds)).toEqual({ usage: reported, clamped: false });
  });

  it("is brought inside whatever a machine says", () => {
    const anyNumber = fc.oneof(fc.double(), fc.integer(), fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, -1, 2 ** 53));
    fc.assert(
      fc.property(
        anyNumber,
        anyNumber,
        anyNumber,
        anyNumber,
        (prompt_tokens, completion_tokens, reasoning_tokens, cached_prompt_tokens) => {
          const { usage: clamped } = clampUsage({ prompt_tokens, completion_tokens, reasoning_tokens, cached_prompt_tokens }, bounds);
          for (const value of Object.values(clamped)) expect(Number.isSafeInteger(value) && value >= 0).toBe(true);
          expect(clamped.prompt_tokens).toBeLessThanOrEqual(1_000);
          expect(clamped.completion_tokens).toBeLessThanOrEqual(500);
          expect(clamped.reasoning_tokens).toBeLessThanOrEqual(clamped.completion_tokens);
          expect(clamped.cached_prompt_tokens).toBeLessThanOrEqual(clamped.prompt_tokens);
        },
      ),
    );
    expect(clampUsage(usage(-5, 1_000_000), bounds)).toEqual({ usage: usage(0, 500), clamped: true });
  });
});
