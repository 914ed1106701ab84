import { describe, expect, it } from "vitest";
import { createRates } from "./rates.js";

const request = { admitted_ms: 0, firstToken_ms: 1000, end_ms: 3000, promptTokens: 500, cachedTokens: 0, generatedTokens: 41 };

describe("rates", () => {
  it("are those of the gaps between tokens and of the prompt before them", () => {
    const rates = createRates();
    expect([rates.decode_tps, rates.prefill_tps]).toEqual([undefined, undefined]);
    rates.observe(request);
    expect([rates.decode_tps, rates.prefill_tps]).toEqual([20, 500]);
    rates.observe({ ...request, end_ms: 2000 });
    expect(rates.decode_tps).toBeCloseTo(20 + 0.3 * 20);
  });

  it("take no prefill that was found in the cache or is too fast to be true", () => {
    const rates = createRates();
    rates.observe({ ...request, cachedTokens: 100 });
    rates.observe({ ...request, promptTokens: 9_000 });
    rates.observe({ ...request, firstToken_ms: 0.5 });
    expect(rates.prefill_tps).toBeUndefined();
  });

  it("count an answer of one token from its admission", () => {
    const rates = createRates();
    rates.observe({ ...request, generatedTokens: 1, end_ms: 1000 });
    expect(rates.decode_tps).toBe(1);
  });
});
