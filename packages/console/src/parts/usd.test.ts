import { describe, expect, it } from "vitest";
import { instantFee, shownUsd, wholeCents } from "./usd.js";

describe("amounts on the page", () => {
  it.each([
    [0, "$0.00"],
    [1, "$0.000001"],
    [100, "$0.0001"],
    [999_800, "$0.9998"],
    [999_999, "$0.999999"],
    [100_000, "$0.10"],
    [5_000_000, "$5.00"],
    [12_345_678, "$12.345678"],
    [-3_000_000, "−$3.00"],
    [-1, "−$0.000001"],
    [1_234_567_000_000, "$1,234,567.00"],
    [Number.MAX_SAFE_INTEGER, "$9,007,199,254.740991"],
  ])("%i µUSD is %s: every digit that counts, and no other", (amount, text) => expect(shownUsd(amount)).toBe(text));

  it.each([
    [5_259_999, "5.25"],
    [9_999, "0.00"],
    [-5, "0.00"],
    [20_000_000, "20.00"],
  ])("of %i µUSD, %s can be withdrawn", (amount, text) => expect(wholeCents(amount)).toBe(text));

  it("the fee of an instant payout is a share of it, and not less than the least", () => {
    const terms = { instant_fee_bps: 150, instant_fee_min_usd: 0.5 };
    expect([10_000_000n, 33_333_333n, 100_010_000n].map((amount) => instantFee(amount, terms))).toEqual([500_000n, 500_000n, 1_500_150n]);
  });
});
