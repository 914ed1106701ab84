/** Five minutes, by the clock of UTC. Source: money.md §14. */
export const EPOCH_ms = 5 * 60_000;
export const EPOCH_minutes = 5;

export interface Epoch {
  /** Its beginning, as 2026-11-30T12:05Z. Ids sort by time. */
  readonly id: string;
  readonly start: Date;
  readonly end: Date;
  /** Which of the epochs of its month it is, and how many there are. */
  readonly index: number;
  readonly ofMonth: number;
}

export function epochAt(at: Date): Epoch {
  const start = new Date(Math.floor(at.getTime() / EPOCH_ms) * EPOCH_ms);
  const month = Date.UTC(start.getUTCFullYear(), start.getUTCMonth());
  const next = Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + 1);
  return {
    id: `${start.toISOString().slice(0, 16)}Z`,
    start,
    end: new Date(start.getTime() + EPOCH_ms),
    index: (start.getTime() - month) / EPOCH_ms,
    ofMonth: (next - month) / EPOCH_ms,
  };
}

/** An epoch's part of a month's amount. All epochs of a month make exactly the whole, whatever does not divide. */
export function partOf(monthly_microUsd: bigint, { index, ofMonth }: Epoch): bigint {
  const until = (epochs: number): bigint => (monthly_microUsd * BigInt(epochs)) / BigInt(ofMonth);
  return until(index + 1) - until(index);
}
