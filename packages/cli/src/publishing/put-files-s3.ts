import { createHash } from "node:crypto";
import { open, readFile } from "node:fs/promises";
import path from "node:path";
import type { S3Bucket } from "@umbel/coordinator";
import type { Manifest, ManifestFile } from "@umbel/protocol";

/**
 * Puts a version's files into a bucket as `<prefix>/<path>`, as `putFiles` does into a directory: what is there already is left, and the
 * manifest comes last. Each request is signed with the hash that the manifest has of what it sends, so that a file which changed since is
 * refused.
 *
 * @returns the files that were sent
 */
export async function putFilesToS3(manifest: Manifest, from: string, bucket: S3Bucket, onSent: (file: string) => void): Promise<number> {
  let sent = 0;
  for (const file of manifest.files) {
    const key = `${manifest.prefix}/${file.path}`;
    if (await bucket.holds(key, file)) continue;
    await putFile(bucket, key, path.join(from, ...file.path.split("/")), file);
    onSent(file.path);
    sent += 1;
  }
  const text = new TextEncoder().encode(`${JSON.stringify(manifest, undefined, 2)}\n`);
  await bucket.put(`${manifest.prefix}/manifest.json`, text, createHash("sha256").update(text).digest("hex"));
  return sent;
}

async function putFile(bucket: S3Bucket, key: string, location: string, { size_bytes, sha256, parts }: ManifestFile): Promise<void> {
  if (parts === undefined) {
    await bucket.put(key, await readFile(location), sha256);
    return;
  }
  const handle = await open(location, "r");
  try {
    await bucket.putParts(key, parts.sha256, sha256, async (index) => {
      const start = index * parts.size_bytes;
      const buffer = Buffer.alloc(Math.min(parts.size_bytes, size_bytes - start));
      for (let done = 0; done < buffer.length; ) {
        const { bytesRead } = await handle.read(buffer, done, buffer.length - done, start + done);
        if (bytesRead === 0) break;
        done += bytesRead;
      }
      return buffer;
    });
  } finally {
    await handle.close();
  }
}
