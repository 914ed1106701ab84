import { mkdir, readdir, rm, stat } from "node:fs/promises";
import path from "node:path";
import type { Clock } from "@umbel/protocol";
import type { BackupLock } from "./types.js";
import { type BackupSource, writeBackup } from "./write-backup.js";

const OWN = /^umbel-backup-\d{8}T\d{6}Z\.ndjson\.gz\.age$/;

/** Of a backup that is made at this time; names sort by it. */
export function backupName(at: Date): string {
  return `umbel-backup-${at.toISOString().slice(0, 19).replaceAll(/[-:]/g, "")}Z.ndjson.gz.age`;
}

export interface BackupScheduleOptions extends Omit<BackupSource, "at"> {
  readonly clock: Clock;
  readonly directory: string;
  readonly lock: BackupLock;
  readonly interval_ms: number;
  /** So many are kept, the latest. */
  readonly keep: number;
}

export interface BackupSchedule {
  /** Makes one if the last is old enough, and removes what is beyond those that are kept. @returns its file and size, if one was made */
  run(): Promise<{ readonly file: string; readonly size_bytes: number } | undefined>;
  /** Since the last one, as of the last run; endless before the first. */
  age_s(): number;
}

/** Backups in a directory. What else lies there is left alone. */
export function createBackupSchedule(options: BackupScheduleOptions): BackupSchedule {
  const { clock, directory, lock, interval_ms, keep, ...source } = options;
  let last_ms = Number.NEGATIVE_INFINITY;

  const names = async () => (await readdir(directory)).filter((name) => OWN.test(name)).sort();

  return {
    age_s: () => (clock.date().getTime() - last_ms) / 1_000,

    async run() {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const newest = (await names()).at(-1);
      if (newest !== undefined) last_ms = Math.max(last_ms, (await stat(path.join(directory, newest))).mtime.getTime());
      const at = clock.date();
      if (at.getTime() - last_ms < interval_ms) return undefined;
      const file = path.join(directory, backupName(at));
      const { size_bytes } = await writeBackup(file, { ...source, at }, lock);
      last_ms = at.getTime();
      for (const name of (await names()).slice(0, -keep)) await rm(path.join(directory, name), { force: true });
      return { file, size_bytes };
    },
  };
}
