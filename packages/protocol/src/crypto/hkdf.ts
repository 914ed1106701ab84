import type { CryptoSupplier } from "./supplier.js";

const HASH_BYTES = 32;
const noSalt = new Uint8Array(HASH_BYTES);

/** HKDF-Extract with SHA-256 (RFC 5869 §2.2). An empty salt is a block of zeros. */
export function hkdfExtract(supplier: CryptoSupplier, salt: Uint8Array, ...keyMaterial: Uint8Array[]): Uint8Array {
  return supplier.hmacSha256(salt.length === 0 ? noSalt : salt, ...keyMaterial);
}

/** HKDF-Expand with SHA-256 (RFC 5869 §2.3), for at most 255 blocks. */
export function hkdfExpand(supplier: CryptoSupplier, key: Uint8Array, length: number, ...info: Uint8Array[]): Uint8Array {
  const output = new Uint8Array(length);
  let block: Uint8Array = new Uint8Array(0);
  for (let index = 1, offset = 0; offset < length; index++, offset += HASH_BYTES) {
    block = supplier.hmacSha256(key, block, ...info, Uint8Array.of(index));
    output.set(block.subarray(0, length - offset), offset);
  }
  return output;
}
