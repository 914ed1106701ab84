import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { madeAt, type S3Bucket } from "@umbel/coordinator";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { readSettings } from "../offline-store.js";
import { openS3Bucket } from "../publishing/s3-bucket.js";

const BUCKET = "s3://";

/** What `work` makes of a file that lies here, or of a copy of one in a bucket. */
export async function withBackup<T>(address: string, work: (file: string) => Promise<T>): Promise<T> {
  if (!address.startsWith(BUCKET)) return work(address);
  const { bucket, name } = objectAt(address);
  return withScratch(async (directory) => {
    const file = path.join(directory, name);
    await bucket.fetchFile(name, file);
    return work(file);
  });
}

/** Puts what `write` makes at an address. @returns where it is, and what `write` returned */
export async function keepBackup<T>(address: string, name: string, write: (file: string) => Promise<T>): Promise<[string, T]> {
  if (!address.startsWith(BUCKET)) {
    const file = path.resolve(address);
    return [file, await write(file)];
  }
  const place = address.endsWith("/") ? `${address}${name}` : address;
  const { bucket, name: key } = objectAt(place);
  return withScratch(async (directory) => {
    const file = path.join(directory, key);
    const written = await write(file);
    await bucket.putFile(key, file);
    return [place, written];
  });
}

/** Names of backups at a directory or in a folder of a bucket, latest first. */
export async function backupsAt(place: string): Promise<readonly { readonly name: string; readonly made_at: string }[]> {
  const names = await (place.startsWith(BUCKET) ? bucketOf(place).keys() : namesIn(place));
  return names
    .flatMap((name) => {
      const at = madeAt(name);
      return at === undefined ? [] : [{ name, made_at: at.toISOString() }];
    })
    .sort((a, b) => (a.name < b.name ? 1 : -1));
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (cause) {
    throw new CliError(`${directory} cannot be read.`, EXIT_CODES.usage, "Give a directory, or s3://bucket/folder.", { cause });
  }
}

function objectAt(address: string): { readonly bucket: S3Bucket; readonly name: string } {
  const cut = address.lastIndexOf("/");
  const name = address.slice(cut + 1);
  if (cut < BUCKET.length || name === "") {
    throw new CliError(`"${address}" names no object.`, EXIT_CODES.usage, "Write it as s3://bucket/folder/name; see umbel admin backups.");
  }
  return { bucket: bucketOf(address.slice(0, cut)), name };
}

/** With the coordinator's own credentials where it has any, else with those of the environment. */
function bucketOf(place: string): S3Bucket {
  const { backupBucketKeyId, backupBucketSecret, backupBucketEndpoint: endpoint, backupBucketRegion } = readSettings({});
  const own =
    backupBucketKeyId === undefined || backupBucketSecret === undefined
      ? {}
      : { AWS_ACCESS_KEY_ID: backupBucketKeyId, AWS_SECRET_ACCESS_KEY: backupBucketSecret, AWS_REGION: backupBucketRegion };
  return openS3Bucket({ place, endpoint, env: { ...process.env, ...own }, fetch, wait: (delay_ms) => wait(delay_ms) });
}

async function withScratch<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(path.join(tmpdir(), "umbel-backup-"));
  try {
    return await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
