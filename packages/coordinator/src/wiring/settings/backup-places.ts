import { setTimeout as wait } from "node:timers/promises";
import { type BackupPlace, bucketPlace, directoryPlace } from "../../backup/index.js";
import type { Settings } from "../../config/index.js";
import { openS3Bucket } from "../../objects/index.js";

/** Where the operator wants backups: each place gets its own, so that one that fails keeps nobody waiting. */
export function backupPlaces(settings: Settings): readonly BackupPlace[] {
  const { home, backupDirectory, backupBucket, backupBucketKeyId: accessKeyId, backupBucketSecret: secretAccessKey } = settings;
  const places = backupDirectory === undefined ? [] : [directoryPlace(backupDirectory)];
  if (backupBucket === undefined || accessKeyId === undefined || secretAccessKey === undefined) return places;
  const bucket = openS3Bucket({
    place: backupBucket,
    endpoint: settings.backupBucketEndpoint,
    region: settings.backupBucketRegion,
    credentials: { accessKeyId, secretAccessKey },
    fetch,
    wait: (delay_ms) => wait(delay_ms),
  });
  return [...places, bucketPlace(backupBucket, bucket, home)];
}
