import { constants } from "node:fs";
import { copyFile, link, mkdir, rm, stat } from "node:fs/promises";
import path from "node:path";
import type { Manifest } from "@umbel/protocol";
import type { WantedFile } from "../download/download-files.js";
import { hashFile } from "../download/hash-file.js";

/** A version that is here. */
interface Stored {
  readonly manifest: Manifest;
  readonly directory: string;
}

/**
 * Puts into a folder what other versions have of its files, byte for byte: one set of bytes under two names, where the disk allows. What they
 * have spoilt is left to be fetched.
 */
export async function reuseFiles(
  directory: string,
  files: readonly WantedFile[],
  stored: readonly Stored[],
  signal: AbortSignal,
): Promise<void> {
  for (const file of files) {
    const location = path.join(directory, file.path);
    const source = (await sizeOf(location)) === undefined ? await sourceOf(file, stored, signal) : undefined;
    if (source === undefined) continue;
    await mkdir(path.dirname(location), { recursive: true });
    for (const begun of [`${location}.part`, `${location}.part.journal`]) await rm(begun, { force: true });
    // Another disk, or one without links, takes a copy.
    await link(source, location).catch(() => copyFile(source, location, constants.COPYFILE_FICLONE));
  }
}

async function sourceOf({ sha256, size_bytes }: WantedFile, stored: readonly Stored[], signal: AbortSignal): Promise<string | undefined> {
  for (const { manifest, directory } of sha256 === undefined ? [] : stored) {
    for (const same of manifest.files.filter((file) => file.sha256 === sha256)) {
      const location = path.join(directory, same.path);
      if ((await sizeOf(location)) === size_bytes && (await hashFile(location, signal)) === sha256) return location;
    }
  }
  return undefined;
}

async function sizeOf(location: string): Promise<number | undefined> {
  return (await stat(location).catch(() => undefined))?.size;
}
