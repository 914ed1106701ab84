import { fromHex, toHex, utf8 } from "../bytes.js";
import { sha256 } from "../hash.js";
import { ManifestError } from "./errors.js";

/** What the hash of a set of files is made of. */
export interface HashedFile {
  readonly path: string;
  /** SHA-256 of the file's bytes, 64 lower-case hex digits. */
  readonly sha256: string;
}

/**
 * The weight hash of a build (catalog.md §2.2): SHA-256 over the raw digests of its files, in the order of their paths' UTF-8 bytes. Paths
 * enter by order only.
 *
 * @returns 64 lower-case hex digits
 * @throws ManifestError `no_files`; EncodingError `hex`
 */
export function aggregateHash(files: readonly HashedFile[]): string {
  if (files.length === 0) throw new ManifestError("no_files");
  return toHex(sha256(...inPathOrder(files).map((file) => fromHex(file.sha256))));
}

/** Files sorted by the UTF-8 bytes of their paths, ties by digest. Not locale order, and not the order of UTF-16 units either. */
export function inPathOrder<T extends HashedFile>(files: readonly T[]): T[] {
  const keyed = files.map((file) => ({ file, key: utf8(file.path) }));
  keyed.sort((a, b) => compareBytes(a.key, b.key) || compareText(a.file.sha256, b.file.sha256));
  return keyed.map(({ file }) => file);
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let index = 0; index < shared; index++) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
