import type { Clock } from "@umbel/protocol";
import { createBackupSchedule } from "../backup/index.js";
import type { Settings } from "../config/index.js";
import type { Logger, Metrics } from "../insight/index.js";
import type { Store } from "../store/index.js";
import { createLoops } from "./loops.js";
import { backupPlaces } from "./settings/backup-places.js";

/** How often it is looked whether a backup is due. */
const CHECK_INTERVAL_ms = 10 * 60_000;

interface BackupParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly settings: Settings;
  readonly version: string;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** Makes backups when they are due, at each place that the operator has named. @returns what stops it */
export function startBackups({ store, clock, settings, version, log, metrics }: BackupParts): () => Promise<void> {
  const { home, backupRecipients: recipients, backupInterval_ms: interval_ms } = settings;
  const retention = {
    latest: settings.backupKeep,
    hourly: settings.backupKeepHourly,
    daily: settings.backupKeepDaily,
    weekly: settings.backupKeepWeekly,
  };
  const source = { store, home, version, clock, lock: { recipients }, interval_ms, retention };
  const schedules = backupPlaces(settings).map((place) => createBackupSchedule({ ...source, place }));
  if (schedules.length > 0) metrics.gauge("backup_age_seconds", () => Math.max(...schedules.map((schedule) => schedule.age_s())));
  const loops = createLoops(clock, log);
  for (const schedule of schedules) {
    const run = async (): Promise<void> => {
      const made = await schedule.run();
      if (made !== undefined) log.info({ event: "backup", ...made }, "backup made");
    };
    loops.every(Math.min(interval_ms, CHECK_INTERVAL_ms), run, "no backup was made", "error");
  }
  return () => loops.stop();
}
