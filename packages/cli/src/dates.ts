import { CliError, EXIT_CODES } from "./exit-codes.js";

/** A date as people write it, as the API wants it. @throws CliError */
export function timeOf(text: string): string {
  const time = new Date(text);
  if (!Number.isNaN(time.getTime())) return time.toISOString();
  throw new CliError(`"${text}" is not a date.`, EXIT_CODES.usage, "Write it like 2027-01-31 or 2027-01-31T12:00:00Z.");
}
