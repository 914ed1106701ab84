/** Of the whole part: below a billion USD. */
const AMOUNT = /^(\d{1,9})(?:\.(\d{1,6}))?$/;

/**
 * An amount of USD as people and programs write it, without floating point: whole, or with at most six decimals. No sign, no exponent, no blank.
 * Source: money.md §1.
 *
 * @returns micro-USD; undefined for anything else
 */
export function parseUsd(text: string): bigint | undefined {
  const [, whole, decimals = ""] = AMOUNT.exec(text) ?? [];
  return whole === undefined ? undefined : BigInt(whole) * 1_000_000n + BigInt(decimals.padEnd(6, "0"));
}

/** Micro-USD as decimal USD with six decimals: `25.000000`. */
export function formatUsd(amount_microUsd: bigint): string {
  const sign = amount_microUsd < 0n ? "-" : "";
  const digits = (amount_microUsd < 0n ? -amount_microUsd : amount_microUsd).toString().padStart(7, "0");
  return `${sign}${digits.slice(0, -6)}.${digits.slice(-6)}`;
}
