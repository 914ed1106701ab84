import { z } from "zod";

/** Of the whole part: below a billion USD. */
const AMOUNT = /^(\d{1,9})(?:\.(\d{1,6}))?$/;

/**
 * An amount of USD in a body, as a string or a number with at most six decimals, in µUSD. Nothing is rounded: what has more decimals, a sign or
 * an exponent is refused. A JSON number of as many digits is exact as text. Source: money.md §1.
 */
export const usdAmount = z
  .union([z.string(), z.number()])
  .transform((written, context) => {
    const [, whole, decimals = ""] = AMOUNT.exec(String(written)) ?? [];
    if (whole !== undefined) return BigInt(whole) * 1_000_000n + BigInt(decimals.padEnd(6, "0"));
    context.addIssue({ code: "custom", message: 'must be an amount of USD such as 5 or "2.50", with at most six decimals' });
    return z.NEVER;
  })
  .describe("USD, with at most six decimals.");
