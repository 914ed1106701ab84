import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";

const read_bytes = 1024 * 1024;

/** SHA-256 of a file in hex, streamed. */
export async function hashFile(file: string, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file, { signal, highWaterMark: read_bytes })) hash.update(chunk);
  return hash.digest("hex");
}
