import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { aggregateHash, assertSafePath, type HashedFile } from "@umbel/protocol";

/** A release's files taken together, as its signature has them. */
export interface BundleFiles {
  readonly paths: readonly string[];
  readonly files_sha256: string;
  readonly file_count: number;
  readonly unpacked_bytes: number;
}

/**
 * Hashes every file below a folder.
 *
 * @param except a folder in it that is not looked into, as paths name it
 * @throws RangeError for what is neither file nor folder; ManifestError for a name that not every system has room for
 */
export async function readBundleFiles(directory: string, except?: string): Promise<BundleFiles> {
  const files: HashedFile[] = [];
  let unpacked_bytes = 0;
  for (const relative of await pathsBelow(directory)) {
    if (except !== undefined && relative.startsWith(`${except}/`)) continue;
    assertSafePath(relative);
    const location = path.join(directory, ...relative.split("/"));
    unpacked_bytes += (await stat(location)).size;
    files.push({ path: relative, sha256: await sha256Of(location) });
  }
  return { paths: files.map((file) => file.path), files_sha256: aggregateHash(files), file_count: files.length, unpacked_bytes };
}

async function pathsBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const found: string[] = [];
  for (const entry of entries) {
    const relative = path.relative(directory, path.join(entry.parentPath, entry.name)).split(path.sep).join("/");
    if (entry.isFile()) found.push(relative);
    else if (!entry.isDirectory()) throw new RangeError(`${relative} is neither a file nor a folder`);
  }
  return found.sort();
}

export async function sha256Of(location: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(location, { highWaterMark: 1024 * 1024 })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
