/** µUSD as USD with six decimals, the sign before it. */
export function usd(amount_microUsd: bigint): string {
  const digits = (amount_microUsd < 0n ? -amount_microUsd : amount_microUsd).toString().padStart(7, "0");
  return `${amount_microUsd < 0n ? "-" : ""}${digits.slice(0, -6)}.${digits.slice(-6)}`;
}
