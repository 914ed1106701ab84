import { describe, expect, it } from "vitest";
import { CliError } from "./exit-codes.js";
import { formatUsd, parseUsd } from "./money.js";

describe("amounts of money on the command line", () => {
  it.each([
    ["5", 5_000_000n],
    ["2.50", 2_500_000n],
    ["0.000001", 1n],
    ["999999999.999999", 999_999_999_999_999n],
  ])("reads %s", (text, amount) => {
    expect(parseUsd(text)).toBe(amount);
    expect(parseUsd(formatUsd(amount))).toBe(amount);
  });

  it.each(["", "-1", "+1", "1e3", "NaN", "Infinity", "0.0000001", "1000000000", "1,5", ".5", "5.", " 5"])("refuses %j", (text) => {
    expect(() => parseUsd(text)).toThrow(CliError);
  });
});
