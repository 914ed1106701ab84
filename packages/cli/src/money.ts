import { parseUsd as amountOf } from "@umbel/protocol";
import { CliError, EXIT_CODES } from "./exit-codes.js";

export { formatUsd } from "@umbel/protocol";

/** Decimal USD to micro-USD. @throws CliError for anything but up to nine digits and six decimals. */
export function parseUsd(text: string): bigint {
  const amount_microUsd = amountOf(text);
  if (amount_microUsd !== undefined) return amount_microUsd;
  throw new CliError(`"${text}" is not an amount of USD.`, EXIT_CODES.usage, "Write it like 5 or 2.50, with at most six decimals.");
}
