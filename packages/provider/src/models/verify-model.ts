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
  /** Whether every file is the one that was hashed, and was not written to since. Call it after loading. */
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
  const seen: { readonly file: ManifestFile; readonly location: string; readonly identity: Identity }[] = [];
  for (const file of manifest.files) {
    assertSafePath(file.path);
    const location = path.join(directory, file.path);
    seen.push({ file, location, identity: await verifyFile(file, location, options) });
  }
  return {
    async stillHolds() {
      for (const { file, location, identity } of seen) {
        const now = await identityAt(location);
        if (now.contents !== identity.contents) return false;
        // Another name for the same bytes, or one less, changes this; so does who sets times back. The bytes say which it was.
        if (now.changed !== identity.changed && !(await isWhole(file, location, options))) return false;
      }
      return true;
    },
  };
}

async function isWhole(file: ManifestFile, location: string, options: VerifyOptions): Promise<boolean> {
  try {
    await verifyFile(file, location, options);
    return true;
  } catch (error) {
    if (error instanceof ModelError) return false;
    throw error;
  }
}

async function verifyFile(file: ManifestFile, location: string, { signal, onRead }: VerifyOptions): Promise<Identity> {
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
    if ((await identityOf(handle)).contents !== before.contents) throw new ModelError("changed_while_reading", location);
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

interface Identity {
  /** Which file it is, and when it was written last. */
  readonly contents: string;
  /** When anything of it was changed last, its names and times included. */
  readonly changed: bigint;
}

async function identityAt(location: string): Promise<Identity> {
  const handle = await openFile(location);
  try {
    return await identityOf(handle);
  } finally {
    await handle.close();
  }
}

async function identityOf(handle: FileHandle): Promise<Identity> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await handle.stat({ bigint: true });
  return { contents: [dev, ino, size, mtimeNs].join("|"), changed: ctimeNs };
}
