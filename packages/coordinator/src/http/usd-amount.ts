import { parseUsd } from "@umbel/protocol";
import { z } from "zod";

/**
 * An amount of USD in a body, as a string or a number with at most six decimals, in µUSD. Nothing is rounded: what has more decimals, a sign or
 * an exponent is refused, in a number as it was written. Source: money.md §1.
 */
export const usdAmount = z
  .union([z.string(), z.number()])
  .transform((written, context) => {
    const amount_microUsd = parseUsd(String(written));
    if (amount_microUsd !== undefined) return amount_microUsd;
    context.addIssue({ code: "custom", message: 'must be an amount of USD such as 5 or "2.50", with at most six decimals' });
    return z.NEVER;
  })
  .describe("USD, with at most six decimals.");
