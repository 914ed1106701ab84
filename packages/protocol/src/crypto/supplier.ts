import type { MaybePromise } from "./maybe-promise.js";

/** AEAD ciphers with a 12-byte nonce and a 16-byte tag at the end of the ciphertext. */
export type CipherName = "aes-128-gcm" | "aes-256-gcm" | "chacha20-poly1305";

export const NONCE_BYTES = 12;
export const TAG_BYTES = 16;
/** Length of X25519 public and private keys and of shared secrets (RFC 7748). */
export const X25519_BYTES = 32;
export const keyBytesOf: Readonly<Record<CipherName, number>> = { "aes-128-gcm": 16, "aes-256-gcm": 32, "chacha20-poly1305": 32 };

/** An X25519 key pair. The private part belongs to the supplier that made it and cannot be read. */
export interface EncryptionKeyPair {
  /** Raw public key, 32 bytes. */
  readonly publicKey: Uint8Array;
  readonly privateKey: object;
}

/** A cipher under one key. The caller never repeats a nonce. */
export interface Cipher {
  /** Returns `headroom_bytes` free bytes (default 0), then the ciphertext and its tag. */
  seal(input: { nonce: Uint8Array; aad: Uint8Array; plaintext: Uint8Array; headroom_bytes?: number }): MaybePromise<Uint8Array>;
  /** Throws CryptoError `authentication` unless nonce, associated data and ciphertext are exactly what was sealed. */
  open(input: { nonce: Uint8Array; aad: Uint8Array; ciphertext: Uint8Array }): MaybePromise<Uint8Array>;
}

/** The primitives under the envelope, from one library. Two suppliers exist: `nativeCrypto` for Node and `webCrypto` for browsers. */
export interface CryptoSupplier {
  /** Ciphers that this supplier has; `createCipher` throws CryptoError `unsupported_cipher` for any other. */
  readonly ciphers: readonly CipherName[];
  randomBytes(length: number): Uint8Array;
  /** SHA-256 over the parts in order. */
  sha256(...parts: Uint8Array[]): Uint8Array;
  /** HMAC-SHA-256 over the parts in order. */
  hmacSha256(key: Uint8Array, ...parts: Uint8Array[]): Uint8Array;
  generateKeyPair(): MaybePromise<EncryptionKeyPair>;
  /** Throws CryptoError `invalid_private_key` unless given 32 bytes. */
  importKeyPair(rawPrivateKey: Uint8Array): MaybePromise<EncryptionKeyPair>;
  /** X25519. Throws CryptoError `invalid_public_key` for a wrong length or a point of low order, `foreign_key` for another supplier's key. */
  diffieHellman(privateKey: object, rawPublicKey: Uint8Array): MaybePromise<Uint8Array>;
  createCipher(name: CipherName, key: Uint8Array): MaybePromise<Cipher>;
}

/** A primitive refused its input. Never holds key material or plaintext. */
export class CryptoError extends Error {
  override readonly name = "CryptoError";
  constructor(
    readonly code:
      | "invalid_public_key"
      | "invalid_private_key"
      | "foreign_key"
      | "invalid_key_length"
      | "unsupported_cipher"
      | "authentication",
  ) {
    super(`cryptography refused: ${code}`);
  }
}

/** A fresh X25519 key pair, whose public part is a provider's encryption key. */
export function generateKeyPair(supplier: CryptoSupplier): MaybePromise<EncryptionKeyPair> {
  return supplier.generateKeyPair();
}

/** A key pair from 32 raw private bytes. Throws CryptoError `invalid_private_key`. */
export function importKeyPair(supplier: CryptoSupplier, rawPrivateKey: Uint8Array): MaybePromise<EncryptionKeyPair> {
  return supplier.importKeyPair(rawPrivateKey);
}

/** PKCS #8 wrapping of a raw X25519 private key (RFC 8410 §7): the form that both libraries import. */
export function pkcs8OfX25519(rawPrivateKey: Uint8Array): Uint8Array<ArrayBuffer> {
  if (rawPrivateKey.length !== X25519_BYTES) throw new CryptoError("invalid_private_key");
  const prefix = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x04, 0x22, 0x04, 0x20];
  return Uint8Array.from([...prefix, ...rawPrivateKey]);
}

/** RFC 9180 §7.1.4: an all-zero shared secret comes from a point of low order, which would make the secret public. */
export function refuseZeroSecret(secret: Uint8Array): Uint8Array {
  if (secret.every((byte) => byte === 0)) throw new CryptoError("invalid_public_key");
  return secret;
}
