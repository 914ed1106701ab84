import { describe, expect, it } from "vitest";
import { jsonAmount, usd, usdPerMillion, usdPerToken } from "./money-format.js";

describe("amounts of money", () => {
  it.each([
    [0n, "0.000000"],
    [1n, "0.000001"],
    [25_000_000n, "25.000000"],
    [-1_500_000n, "-1.500000"],
  ])("%s µUSD are %s USD", (amount, text) => {
    expect(usd(amount)).toBe(text);
  });

  it.each([
    [50_000n, "$0.0500", "0.00000005"],
    [1n, "$0.0000", "0.000000000001"],
    [2_000_000_000_000n, "$2000000.0000", "2"],
  ])("a price of %s is %s a million and %s a token", (price, perMillion, perToken) => {
    expect(usdPerMillion(price)).toBe(perMillion);
    expect(usdPerToken(price)).toBe(perToken);
  });

  it("are refused where JSON could not carry them exactly", () => {
    expect(jsonAmount(2n ** 53n - 1n)).toBe(Number.MAX_SAFE_INTEGER);
    expect(() => jsonAmount(2n ** 53n)).toThrow(RangeError);
  });
});
