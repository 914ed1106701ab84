export { verifyBackup } from "./read-backup.js";
export { restoreBackup } from "./restore-backup.js";
export { backupName, createBackupSchedule } from "./schedule.js";
export * from "./types.js";
export { writeBackup } from "./write-backup.js";
