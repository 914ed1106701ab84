import { CliError, EXIT_CODES } from "./exit-codes.js";

/** Decimal USD to micro-USD without floating point (money.md §1). @throws CliError for anything but up to nine digits and six decimals. */
export function parseUsd(text: string): bigint {
  const match = /^(\d{1,9})(?:\.(\d{1,6}))?$/.exec(text);
  if (match === null)
    throw new CliError(`"${text}" is not an amount of USD.`, EXIT_CODES.usage, "Write it like 5 or 2.50, with at most six decimals.");
  return BigInt(match[1] ?? "0") * 1_000_000n + BigInt((match[2] ?? "").padEnd(6, "0"));
}

/** Micro-USD as decimal USD with six decimals. */
export function formatUsd(amount_microUsd: bigint): string {
  return `${amount_microUsd / 1_000_000n}.${String(amount_microUsd % 1_000_000n).padStart(6, "0")}`;
}
