import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import type { BlobReference } from "./types.js";

/** Below the home: files of builds that the coordinator hands out itself. */
const BLOBS_DIRECTORY = "blobs";

/** What lies there. Their hashes are in the catalogue, which is in the database. */
export async function blobsOf(home: string): Promise<readonly BlobReference[]> {
  const root = path.join(home, BLOBS_DIRECTORY);
  const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => path.join(parentPath, name));
  const found = await Promise.all(files.map(async (file) => ({ file, size_bytes: (await stat(file)).size })));
  return found
    .map(({ file, size_bytes }) => ({ path: path.relative(root, file).split(path.sep).join("/"), size_bytes }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Those that do not lie in this home, whole. */
export async function missingBlobs(home: string, blobs: readonly BlobReference[]): Promise<readonly BlobReference[]> {
  const here = new Map((await blobsOf(home)).map(({ path: name, size_bytes }) => [name, size_bytes]));
  return blobs.filter(({ path: name, size_bytes }) => here.get(name) !== size_bytes);
}
