import {
  ageRecipient,
  duration,
  flag,
  foreignName,
  foreignSecret,
  list,
  optionalAddress,
  optionalBucket,
  optionalDirectory,
  text,
  wholeNumber,
} from "../forms.js";
import { HOUR_ms, setting } from "./setting.js";

/** Where backups go, who can open them, and how long they stay. */
export const backupSettings = {
  stateExport: setting(flag, {
    env: "UMBEL_STATE_EXPORT",
    default: "false",
    about: "Whether whoever holds the operator's key may fetch database, keys and secrets at `/v1/admin/state-export`.",
  }),
  stateExportRecipients: setting(list(ageRecipient), {
    env: "UMBEL_STATE_EXPORT_RECIPIENTS",
    default: "",
    about: "Public keys (`age1…`) whose owners can open that; needed for it, because it is never sent in the clear.",
  }),
  backupDirectory: setting(optionalDirectory, {
    env: "UMBEL_BACKUP_DIR",
    default: "",
    about: "Where backups are put by themselves; empty makes none.",
  }),
  backupRecipients: setting(list(ageRecipient), {
    env: "UMBEL_BACKUP_RECIPIENTS",
    default: "",
    about: "Public keys (`age1…`) whose owners can open them; needed with the directory or the bucket.",
  }),
  backupInterval_ms: setting(duration({ least_ms: 60_000, most_ms: 31 * 24 * HOUR_ms }), {
    env: "UMBEL_BACKUP_INTERVAL",
    default: "24h",
    about: "Time between two backups.",
  }),
  backupKeep: setting(wholeNumber({ least: 1, most: 10_000 }), {
    env: "UMBEL_BACKUP_KEEP",
    default: "14",
    about: "Backups that are kept, the latest.",
  }),
  backupKeepHourly: setting(wholeNumber({ least: 0, most: 10_000 }), {
    env: "UMBEL_BACKUP_KEEP_HOURLY",
    default: "24",
    about: "Latest hours of which the last backup is kept as well.",
  }),
  backupKeepDaily: setting(wholeNumber({ least: 0, most: 10_000 }), {
    env: "UMBEL_BACKUP_KEEP_DAILY",
    default: "14",
    about: "Latest days of which the last backup is kept as well.",
  }),
  backupKeepWeekly: setting(wholeNumber({ least: 0, most: 10_000 }), {
    env: "UMBEL_BACKUP_KEEP_WEEKLY",
    default: "8",
    about: "Latest weeks of which the last backup is kept as well.",
  }),
  backupBucket: setting(optionalBucket, {
    env: "UMBEL_BACKUP_S3",
    default: "",
    about: "Bucket of anything that speaks as S3 does, where backups are put by themselves, besides the directory or instead of it.",
  }),
  backupBucketEndpoint: setting(optionalAddress, {
    env: "UMBEL_BACKUP_S3_ENDPOINT",
    default: "",
    about: "Where that bucket is; empty is AWS.",
  }),
  backupBucketRegion: setting(text, {
    env: "UMBEL_BACKUP_S3_REGION",
    default: "us-east-1",
    about: "Its region.",
  }),
  backupBucketKeyId: setting(foreignName, {
    env: "UMBEL_BACKUP_S3_KEY_ID",
    default: "",
    about: "Who asks it; the key needs to read, write, list and delete there.",
  }),
  backupBucketSecret: setting(foreignSecret, {
    env: "UMBEL_BACKUP_S3_SECRET",
    default: "",
    about: "The secret of that key.",
    secret: true,
  }),
} as const;
