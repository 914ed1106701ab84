const OWN = /^umbel-backup-(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z\.ndjson\.gz\.age$/;
const HOUR_ms = 3_600_000;
const DAY_ms = 24 * HOUR_ms;
/** The first day of 1970 was a Thursday; weeks begin with Monday. */
const MONDAY_ms = 3 * DAY_ms;

/** How many backups stay: the latest, and the last one of each of the latest hours, days and weeks (UTC) that have any. */
export interface Retention {
  readonly latest: number;
  readonly hourly: number;
  readonly daily: number;
  readonly weekly: number;
}

/** Of a backup that is made at this time; names sort by it. */
export function backupName(at: Date): string {
  return `umbel-backup-${at.toISOString().slice(0, 19).replaceAll(/[-:]/g, "")}Z.ndjson.gz.age`;
}

/** When it was made; undefined for a file that is no backup of ours. */
export function madeAt(name: string): Date | undefined {
  const [whole, year, month, day, hour, minute, second] = OWN.exec(name) ?? [];
  return whole === undefined ? undefined : new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}

/** Backups that nothing keeps any more. What else has a name there is left alone. */
export function beyond(names: readonly string[], { latest, hourly, daily, weekly }: Retention): readonly string[] {
  const backups = names
    .flatMap((name) => {
      const at_ms = madeAt(name)?.getTime();
      return at_ms === undefined ? [] : [{ name, at_ms }];
    })
    .sort((a, b) => b.at_ms - a.at_ms);
  const kept = new Set(backups.slice(0, latest).map(({ name }) => name));
  const tiers = [
    { count: hourly, periodOf: (at_ms: number) => Math.floor(at_ms / HOUR_ms) },
    { count: daily, periodOf: (at_ms: number) => Math.floor(at_ms / DAY_ms) },
    { count: weekly, periodOf: (at_ms: number) => Math.floor((at_ms + MONDAY_ms) / (7 * DAY_ms)) },
  ];
  for (const { count, periodOf } of tiers) {
    const periods = new Set<number>();
    for (const { name, at_ms } of backups) {
      if (periods.has(periodOf(at_ms))) continue;
      if (periods.size === count) break;
      periods.add(periodOf(at_ms));
      kept.add(name);
    }
  }
  return backups.map(({ name }) => name).filter((name) => !kept.has(name));
}
