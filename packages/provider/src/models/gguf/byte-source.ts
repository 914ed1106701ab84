import { type FileHandle, open } from "node:fs/promises";
import { GgufError } from "./gguf-error.js";

/** Bytes that can be read at any place: a file, or a file on a server that answers ranges. */
export interface ByteSource {
  readonly size_bytes: number;
  /** Up to `length` bytes from `offset`; fewer only at the end. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/**
 * Opens a file for the time of one task.
 *
 * @throws GgufError `unreadable`
 */
export async function withFileSource<T>(file: string, task: (source: ByteSource) => Promise<T>): Promise<T> {
  const handle = await openForReading(file);
  try {
    const { size } = await handle.stat();
    return await task({ size_bytes: size, read: (offset, length) => readFrom(handle, offset, length) });
  } finally {
    await handle.close();
  }
}

async function openForReading(file: string): Promise<FileHandle> {
  try {
    const handle = await open(file, "r");
    if ((await handle.stat()).isFile()) return handle;
    await handle.close();
  } catch (cause) {
    throw new GgufError("unreadable", "the file cannot be read", { cause });
  }
  throw new GgufError("unreadable", "this is not a file");
}

async function readFrom(handle: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  const buffer = new Uint8Array(length);
  const { bytesRead } = await handle.read(buffer, 0, length, offset);
  return buffer.subarray(0, bytesRead);
}
