import { CliError, EXIT_CODES } from "../exit-codes.js";

const UNITS_ms: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** A pause of more than that is one until further notice. */
const DURATION_ms_max = 366 * 86_400_000;

/** `90s`, `30m`, `2h`, `3d` in milliseconds. @throws CliError (usage) for anything else */
export function duration_ms(option: string, text: string): number {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const value_ms = Number(count) * (UNITS_ms[unit ?? ""] ?? Number.NaN);
  if (value_ms > 0 && value_ms <= DURATION_ms_max) return value_ms;
  throw new CliError(`${option} takes a time like 30m, 2h or 3d, not "${text}".`, EXIT_CODES.usage);
}
