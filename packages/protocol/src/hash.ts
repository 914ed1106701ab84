import { sha256 as nobleSha256 } from "@noble/hashes/sha2.js";

/** SHA-256 over the parts in order, without joining them first. Runs anywhere; in Node `nativeCrypto.sha256` is about 20 times faster on large inputs. */
export function sha256(...parts: Uint8Array[]): Uint8Array {
  const hash = nobleSha256.create();
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** Thumbprint of a raw X25519 public key: SHA-256 of its 32 bytes. Binds envelopes and challenges to one provider key. */
export function keyThumbprint(rawX25519Public: Uint8Array): Uint8Array {
  return sha256(rawX25519Public);
}
