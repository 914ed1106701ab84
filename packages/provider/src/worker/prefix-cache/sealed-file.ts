import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { type FileHandle, open, rm } from "node:fs/promises";
import { PREFIX_CACHE_LIMITS } from "./limits.js";
import type { Scratch } from "./scratch.js";

/*
 * `"UMKV" · u16 version · u16 flags · 16-byte salt`, then the state in chunks of `chunk_bytes`, the last one shorter: ciphertext and 16-byte
 * tag each. AES-256-GCM under a key of the file's own; nonce is the number of the chunk; header, name, number and whether it is the last are
 * authenticated with each, so that files and chunks cannot change places and none can be left out.
 */
const magic = Buffer.from("UMKV");
const version = 1;
const salt_bytes = 16;
const header_bytes = 8 + salt_bytes;
const tag_bytes = 16;
const { chunk_bytes } = PREFIX_CACHE_LIMITS;

/** How long the file of a state of this size is. */
export function sealedSize_bytes(state_bytes: number): number {
  return header_bytes + state_bytes + Math.ceil(state_bytes / chunk_bytes) * tag_bytes;
}

export interface SealedFile {
  readonly location: string;
  /** Under which it was kept; another name does not open it. */
  readonly name: string;
  /** Of the state. */
  readonly state_bytes: number;
}

/** Encrypts what the scratch holds into a new file; one that cannot be finished is removed. */
export async function sealFile(file: SealedFile, key: Uint8Array, source: Scratch): Promise<void> {
  const header = Buffer.alloc(header_bytes);
  magic.copy(header);
  header.writeUInt16BE(version, magic.length);
  randomBytes(salt_bytes).copy(header, 8);
  const handle = await open(file.location, "wx", 0o600);
  try {
    await handle.writeFile(header);
    const seal = cipherOf(file, key, header);
    for (const { index, start, length, isLast } of chunksOf(file.state_bytes)) {
      const chunk = Buffer.allocUnsafeSlow(length);
      await source.read(chunk, start);
      const sealed = seal(chunk, index, isLast);
      chunk.fill(0);
      await handle.writeFile(sealed);
    }
  } catch (error) {
    await rm(file.location, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
}

/**
 * Decrypts a file into the scratch.
 *
 * @returns false when it is not wanted any more
 * @throws for a file that is cut short, was changed, or is another's
 */
export async function openSealedFile(file: SealedFile, key: Uint8Array, target: Scratch, isWanted: () => boolean): Promise<boolean> {
  const handle = await open(file.location, "r");
  try {
    const header = await readWhole(handle, header_bytes);
    if (!header.subarray(0, magic.length).equals(magic) || header.readUInt16BE(magic.length) !== version)
      throw new Error("not a kept state");
    const unseal = decipherOf(file, key, header);
    for (const { index, start, length, isLast } of chunksOf(file.state_bytes)) {
      if (!isWanted()) return false;
      const chunk = unseal(await readWhole(handle, length + tag_bytes), index, isLast);
      await target.write(chunk, start);
      chunk.fill(0);
    }
    return isWanted();
  } finally {
    await handle.close();
  }
}

function* chunksOf(state_bytes: number) {
  for (let start = 0, index = 0; start < state_bytes; start += chunk_bytes, index++) {
    const length = Math.min(chunk_bytes, state_bytes - start);
    yield { index, start, length, isLast: start + length === state_bytes };
  }
}

async function readWhole(handle: FileHandle, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(length);
  for (let filled = 0; filled < length; ) {
    const { bytesRead } = await handle.read(buffer, filled, length - filled, null);
    if (bytesRead === 0) throw new RangeError("the file is shorter");
    filled += bytesRead;
  }
  return buffer;
}

function cipherOf(file: SealedFile, key: Uint8Array, header: Buffer) {
  const fileKey = fileKeyOf(key, header);
  return (chunk: Uint8Array, index: number, isLast: boolean): Buffer => {
    const cipher = createCipheriv("aes-256-gcm", fileKey, nonceOf(index));
    cipher.setAAD(associated(file, header, index, isLast));
    return Buffer.concat([cipher.update(chunk), cipher.final(), cipher.getAuthTag()]);
  };
}

function decipherOf(file: SealedFile, key: Uint8Array, header: Buffer) {
  const fileKey = fileKeyOf(key, header);
  return (sealed: Buffer, index: number, isLast: boolean): Buffer => {
    const decipher = createDecipheriv("aes-256-gcm", fileKey, nonceOf(index));
    decipher.setAAD(associated(file, header, index, isLast));
    decipher.setAuthTag(sealed.subarray(sealed.length - tag_bytes));
    const chunk = decipher.update(sealed.subarray(0, sealed.length - tag_bytes));
    decipher.final();
    return chunk;
  };
}

function fileKeyOf(key: Uint8Array, header: Buffer): Buffer {
  return Buffer.from(hkdfSync("sha256", key, header.subarray(8), "umbel-prefix-file-v1", 32));
}

function nonceOf(index: number): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUInt32BE(index, 8);
  return nonce;
}

function associated({ name }: SealedFile, header: Buffer, index: number, isLast: boolean): Buffer {
  const place = Buffer.alloc(5);
  place.writeUInt32BE(index);
  place[4] = isLast ? 1 : 0;
  return Buffer.concat([header, place, Buffer.from(name)]);
}
