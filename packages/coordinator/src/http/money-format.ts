import { formatUsd } from "@umbel/protocol";

/** µUSD as USD with six decimals: `"25.000000"`. Source: money.md §1. */
export const usd = formatUsd;

/** A price in µUSD per million tokens as USD per million tokens with four decimals: `"$0.0500"`. */
export function usdPerMillion(price_microUsd: bigint): string {
  return `$${usd(price_microUsd).slice(0, -2)}`;
}

/** A price in µUSD per million tokens as USD per token: `"0.00000005"`. */
export function usdPerToken(price_microUsd: bigint): string {
  const digits = price_microUsd.toString().padStart(13, "0");
  const decimals = digits.slice(-12).replace(/0+$/, "");
  return decimals === "" ? digits.slice(0, -12) : `${digits.slice(0, -12)}.${decimals}`;
}

/** An amount as a JSON number. Every amount the ledger accepts is exact as one. */
export function jsonAmount(amount_microUsd: bigint): number {
  const amount = Number(amount_microUsd);
  if (!Number.isSafeInteger(amount)) throw new RangeError("an amount is beyond what JSON carries exactly");
  return amount;
}
