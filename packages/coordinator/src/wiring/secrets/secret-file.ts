import { randomBytes } from "node:crypto";
import { link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";

/**
 * Random bytes that stay the same over restarts: read from a file, which is made on first use, readable by its owner alone.
 *
 * @throws when the file holds another number of bytes, because nothing that was derived from it would fit any more
 */
export async function secretFile(file: string, length: number): Promise<Uint8Array> {
  const secret = await keptFile(file, async () => randomBytes(length));
  if (secret.length !== length) throw new Error(`${file} holds ${secret.length} bytes instead of ${length}`);
  return secret;
}

/** Bytes that are made once and stay the same over restarts, in a file that its owner alone can read. */
export async function keptFile(file: string, make: () => Promise<Uint8Array>): Promise<Uint8Array> {
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  return (await read(file)) ?? create(file, await make());
}

async function read(file: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    if (isCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** Complete from the first moment that it is there, and never replaced: of several that begin at once, all use the first one's. */
async function create(file: string, content: Uint8Array): Promise<Uint8Array> {
  const draft = `${file}.${randomBytes(6).toString("hex")}`;
  await writeFile(draft, content, { mode: 0o600, flag: "wx" });
  try {
    await link(draft, file);
  } catch (error) {
    if (!isCode(error, "EEXIST")) throw error;
  } finally {
    await rm(draft);
  }
  return readFile(file);
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
