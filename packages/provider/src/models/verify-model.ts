import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import path from "node:path";
import { assertSafePath, type Manifest, type ManifestFile } from "@umbel/protocol";
import { ModelError } from "./model-error.js";

const read_bytes = 1024 * 1024;

interface VerifyOptions {
  readonly signal?: AbortSignal;
  readonly onRead?: (bytes: number) => void;
}

/** Evidence that files were verified: as long as `stillHolds`, they are the bytes that were hashed. */
export interface VerifiedModel {
  /** Whether size, change time and identity of every file are as they were while it was hashed. Call it after loading. */
  stillHolds(): Promise<boolean>;
}

/**
 * Hashes every file of a manifest under `directory`, streamed, and compares size and SHA-256. Nothing is cached between calls.
 *
 * @param options.signal stops the reading; the promise then rejects with the signal's reason
 * @param options.onRead told how many more bytes have been read
 * @throws ModelError `file_missing`, `size_mismatch`, `hash_mismatch`, `changed_while_reading`; ManifestError for a path that leaves `directory`
 */
export async function verifyModel(manifest: Manifest, directory: string, options: VerifyOptions = {}): Promise<VerifiedModel> {
  const seen = new Map<string, string>();
  for (const file of manifest.files) {
    assertSafePath(file.path);
    const location = path.join(directory, file.path);
    seen.set(location, await verifyFile(file, location, options));
  }
  return {
    async stillHolds() {
      for (const [location, identity] of seen) {
        if ((await identityAt(location)) !== identity) return false;
      }
      return true;
    },
  };
}

async function verifyFile(file: ManifestFile, location: string, { signal, onRead }: VerifyOptions): Promise<string> {
  const handle = await openFile(location);
  try {
    const before = await identityOf(handle);
    if ((await handle.stat()).size !== file.size_bytes) throw new ModelError("size_mismatch", location);
    const hash = createHash("sha256");
    const stream = handle.createReadStream({ highWaterMark: read_bytes, autoClose: false });
    for await (const chunk of stream) {
      signal?.throwIfAborted();
      hash.update(chunk);
      onRead?.(chunk.length);
    }
    if ((await identityOf(handle)) !== before) throw new ModelError("changed_while_reading", location);
    if (hash.digest("hex") !== file.sha256) throw new ModelError("hash_mismatch", location);
    return before;
  } finally {
    await handle.close();
  }
}

async function openFile(location: string): Promise<FileHandle> {
  try {
    return await open(location, "r");
  } catch (error) {
    throw new ModelError("file_missing", location, { cause: error });
  }
}

async function identityAt(location: string): Promise<string> {
  const handle = await openFile(location);
  try {
    return await identityOf(handle);
  } finally {
    await handle.close();
  }
}

async function identityOf(handle: FileHandle): Promise<string> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await handle.stat({ bigint: true });
  return [dev, ino, size, mtimeNs, ctimeNs].join("|");
}
