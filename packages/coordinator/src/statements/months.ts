import type { Month } from "./types.js";

const MONTH = /^(\d{4})-(0[1-9]|1[0-2])$/;

/** Undefined for what is no month. */
export function startOf(month: Month): Date | undefined {
  const [, year, number] = MONTH.exec(month) ?? [];
  return year === undefined ? undefined : new Date(Date.UTC(Number(year), Number(number) - 1));
}

export function monthOf(at: Date): Month {
  return at.toISOString().slice(0, 7);
}

/** Starts of the months from one instant's to another's, and of the one behind, in order. */
export function startsBetween(from: Date, to: Date): readonly Date[] {
  const starts: Date[] = [];
  for (let index = 0; ; index += 1) {
    const start = new Date(Date.UTC(from.getUTCFullYear(), from.getUTCMonth() + index));
    starts.push(start);
    if (start > to) return starts;
  }
}
