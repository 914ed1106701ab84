import { mkdir, rm, stat, statfs } from "node:fs/promises";
import path from "node:path";
import { assertSafePath, type FileParts, type HashedFile } from "@umbel/protocol";
import { DownloadError } from "./download-error.js";
import { asDiskError, type FetchOptions, fetchFile } from "./fetch-file.js";
import { hashFile } from "./hash-file.js";
import { DOWNLOAD_LIMITS } from "./limits.js";
import { PartFile } from "./part-file.js";

/** One file of a set. */
export interface WantedFile {
  /** Relative, with `/`. */
  readonly path: string;
  readonly size_bytes: number;
  /** Absent where nobody has said what it is to be. */
  readonly sha256?: string;
  readonly parts?: FileParts;
  readonly urls: readonly string[];
}

export interface DownloadProgress {
  readonly done_bytes: number;
  readonly total_bytes: number;
}

export interface DownloadOptions extends Omit<FetchOptions, "onProgress"> {
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** Free bytes of the disk below a folder; undefined is unknown. */
  readonly freeDisk_bytes?: (directory: string) => Promise<number | undefined>;
}

/**
 * Fetches a set of files into a folder. What is there already and right is kept; nothing is fetched when it cannot all have room.
 *
 * @returns the files with their hashes
 * @throws DownloadError; ManifestError for a path that leaves the folder
 */
export async function downloadFiles(directory: string, files: readonly WantedFile[], options: DownloadOptions): Promise<HashedFile[]> {
  for (const { path: relative } of files) assertSafePath(relative);
  await mkdir(directory, { recursive: true });
  const there = new Map<string, string>();
  for (const file of files) {
    const sha256 = await hashOfWhole(directory, file, options.signal);
    if (sha256 !== undefined) there.set(file.path, sha256);
  }
  await assertRoom(
    directory,
    files.filter(({ path: relative }) => !there.has(relative)),
    options,
  );
  const total_bytes = files.reduce((sum, file) => sum + file.size_bytes, 0);
  let before_bytes = 0;
  const hashed: HashedFile[] = [];
  for (const file of files) {
    const location = path.join(directory, file.path);
    const onProgress = (done_bytes: number): void => options.onProgress?.({ done_bytes: before_bytes + done_bytes, total_bytes });
    await mkdir(path.dirname(location), { recursive: true });
    const sha256 = there.get(file.path) ?? (await fetchFile({ ...file, file: location }, { ...options, onProgress }));
    hashed.push({ path: file.path, sha256 });
    before_bytes += file.size_bytes;
    options.onProgress?.({ done_bytes: before_bytes, total_bytes });
  }
  return hashed;
}

/** Hash of a file that was fetched before; of one that is not what it should be, only the parts that are stay. */
async function hashOfWhole(
  directory: string,
  { path: relative, size_bytes, sha256, parts }: WantedFile,
  signal: AbortSignal,
): Promise<string | undefined> {
  const location = path.join(directory, relative);
  const found = await stat(location).catch(() => undefined);
  if (found === undefined) return undefined;
  if (found.size === size_bytes && sha256 !== undefined) {
    if ((await hashFile(location, signal)) === sha256) return sha256;
    if (await PartFile.salvage(location, { size_bytes, sha256, ...(parts !== undefined && { parts }) })) return undefined;
  }
  await rm(location, { force: true, recursive: true });
  return undefined;
}

async function assertRoom(directory: string, files: readonly WantedFile[], options: DownloadOptions): Promise<void> {
  const free_bytes = await (options.freeDisk_bytes ?? freeDisk)(directory);
  if (free_bytes === undefined) return;
  let needed_bytes = 0;
  for (const { path: relative, size_bytes } of files) {
    const allocated = await stat(`${path.join(directory, relative)}.part`).catch(() => undefined);
    // What a sparse file holds already is in its blocks, not in its length.
    needed_bytes += Math.max(0, size_bytes - (allocated?.blocks ?? 0) * 512);
  }
  if (needed_bytes === 0) return;
  const spare_bytes = Math.max(DOWNLOAD_LIMITS.spareDisk_bytes, needed_bytes * DOWNLOAD_LIMITS.spareDisk_share);
  if (free_bytes >= needed_bytes + spare_bytes) return;
  const inGb = (bytes: number): string => (bytes / 1e9).toFixed(2);
  throw new DownloadError(
    "no_space",
    `the disk has ${inGb(free_bytes)} GB free, and ${inGb(needed_bytes)} GB are to be fetched while ${inGb(spare_bytes)} GB stay free`,
  );
}

/** Free bytes of the disk that holds a folder. */
export async function freeDisk(directory: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(directory);
    return bavail * bsize;
  } catch (error) {
    if (asDiskError(error) instanceof DownloadError) return undefined;
    throw error;
  }
}
