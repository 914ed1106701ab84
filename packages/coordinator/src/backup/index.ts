export { type BackupPlace, bucketPlace, directoryPlace } from "./places.js";
export { verifyBackup } from "./read-backup.js";
export { restoreBackup } from "./restore-backup.js";
export { backupName, madeAt } from "./retention.js";
export { createBackupSchedule } from "./schedule.js";
export { createStateExport } from "./state-export.js";
export * from "./types.js";
export { writeBackup } from "./write-backup.js";
