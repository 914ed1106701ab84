import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import path from "node:path";
import type { S3Bucket } from "../objects/index.js";

/** Where a backup is while it is on its way to a bucket, below the home. */
const STAGING_DIRECTORY = "backup-on-its-way";

/** Somewhere that backups are kept, with whatever else is there. */
export interface BackupPlace {
  /** For people. */
  readonly address: string;
  names(): Promise<readonly string[]>;
  /** Keeps what `write` makes: whole, or not at all. @returns what `write` returns */
  keep<T>(name: string, write: (file: string) => Promise<T>): Promise<T>;
  remove(name: string): Promise<void>;
}

export function directoryPlace(directory: string): BackupPlace {
  const made = () => mkdir(directory, { recursive: true, mode: 0o700 });
  return {
    address: directory,
    async names() {
      await made();
      return readdir(directory);
    },
    async keep(name, write) {
      await made();
      return write(path.join(directory, name));
    },
    remove: (name) => rm(path.join(directory, name), { force: true }),
  };
}

/** A bucket gets a backup once it lies here whole; it is encrypted by then. */
export function bucketPlace(address: string, bucket: S3Bucket, home: string): BackupPlace {
  return {
    address,
    names: () => bucket.keys(),
    async keep(name, write) {
      const root = path.join(home, STAGING_DIRECTORY);
      await mkdir(root, { recursive: true, mode: 0o700 });
      const staging = await mkdtemp(path.join(root, "b-"));
      try {
        const file = path.join(staging, name);
        const written = await write(file);
        await bucket.putFile(name, file);
        return written;
      } finally {
        await rm(staging, { recursive: true, force: true });
      }
    },
    remove: (name) => bucket.remove(name),
  };
}
