import type { Clock } from "@umbel/protocol";
import type { BackupPlace } from "./places.js";
import { backupName, beyond, madeAt, type Retention } from "./retention.js";
import type { BackupLock } from "./types.js";
import { type BackupSource, writeBackup } from "./write-backup.js";

export interface BackupScheduleOptions extends Omit<BackupSource, "at"> {
  readonly clock: Clock;
  readonly place: BackupPlace;
  readonly lock: BackupLock;
  readonly interval_ms: number;
  readonly retention: Retention;
}

export interface BackupSchedule {
  /** Makes one if the last is old enough, and removes what nothing keeps any more. @returns where it is and its size, if one was made */
  run(): Promise<{ readonly name: string; readonly place: string; readonly size_bytes: number } | undefined>;
  /** Since the last one, as of the last run; endless before the first. */
  age_s(): number;
}

/** Backups at a place. What else is there is left alone. */
export function createBackupSchedule(options: BackupScheduleOptions): BackupSchedule {
  const { clock, place, lock, interval_ms, retention, ...source } = options;
  let last_ms = Number.NEGATIVE_INFINITY;

  return {
    age_s: () => (clock.date().getTime() - last_ms) / 1_000,

    async run() {
      const names = await place.names();
      const newest_ms = Math.max(...names.map((name) => madeAt(name)?.getTime() ?? Number.NEGATIVE_INFINITY));
      last_ms = Math.max(last_ms, newest_ms);
      const at = clock.date();
      if (at.getTime() - last_ms < interval_ms) return undefined;
      const name = backupName(at);
      const { size_bytes } = await place.keep(name, (file) => writeBackup(file, { ...source, at }, lock));
      last_ms = at.getTime();
      for (const old of beyond([...names, name], retention)) await place.remove(old);
      return { name, place: place.address, size_bytes };
    },
  };
}
