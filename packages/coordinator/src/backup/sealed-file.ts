import { createReadStream, createWriteStream } from "node:fs";
import { rename, rm, stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream as WebStream } from "node:stream/web";
import { createGunzip, createGzip } from "node:zlib";
import { Decrypter, Encrypter } from "age-encryption";
import { BackupError, type BackupKey, type BackupLock } from "./types.js";

/** Rows that belong together are read together; one of this length is no row of ours. */
const LINE_characters_max = 256 * 1024 * 1024;

/** Writes lines as a compressed, encrypted file, which is there once it is whole. @returns its size in bytes */
export async function writeSealed(file: string, lines: AsyncIterable<string>, lock: BackupLock): Promise<number> {
  const encrypter = new Encrypter();
  if ("passphrase" in lock) {
    encrypter.setPassphrase(lock.passphrase);
    if (lock.work_log2 !== undefined) encrypter.setScryptWorkFactor(lock.work_log2);
  } else for (const recipient of lock.recipients) encrypter.addRecipient(recipient);
  const draft = `${file}.part`;
  try {
    const gzip = createGzip();
    const filling = pipeline(Readable.from(lines), gzip);
    // It may fail before it is waited for below, which is where that is heard of.
    filling.catch(() => undefined);
    const sealed = await encrypter.encrypt(Readable.toWeb(gzip) as ReadableStream<Uint8Array>);
    const written = pipeline(Readable.fromWeb(sealed as WebStream<Uint8Array>), createWriteStream(draft, { mode: 0o600, flush: true }));
    await Promise.all([filling, written]);
    await rename(draft, file);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
  return (await stat(file)).size;
}

/** The lines of such a file. @throws BackupError when the key does not open it, or it was changed or cut */
export async function* readSealed(file: string, key: BackupKey): AsyncGenerator<string> {
  const decrypter = new Decrypter();
  if ("passphrase" in key) decrypter.addPassphrase(key.passphrase);
  else decrypter.addIdentity(key.identity);
  const source = createReadStream(file);
  try {
    const opened = await decrypter.decrypt(Readable.toWeb(source) as ReadableStream<Uint8Array>);
    const plain = Readable.fromWeb(opened as WebStream<Uint8Array>);
    const gunzip = createGunzip();
    plain.on("error", (error) => gunzip.destroy(error));
    yield* linesOf(plain.pipe(gunzip));
  } catch (cause) {
    if (cause instanceof BackupError || (cause instanceof Error && "code" in cause && cause.code === "ENOENT")) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new BackupError(`the backup cannot be opened: ${reason}`, { cause });
  } finally {
    source.destroy();
  }
}

async function* linesOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let rest = "";
  for await (const chunk of bytes) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > LINE_characters_max) throw new BackupError("the backup has a line that is too long");
    yield* lines;
  }
  if (rest !== "") throw new BackupError("the backup ends in the middle of a line");
}
