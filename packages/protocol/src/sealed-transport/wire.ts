import { z } from "zod";
import { toHex } from "../bytes.js";
import { keyThumbprint } from "../hash.js";
import { WIRE_LIMITS } from "../limits.js";
import { base64, base64Bytes, deviceKey, envelopeSuite, timestamp } from "../messages/common.js";

/** Type of a sealed request body and of a sealed whole answer. A sealed stream stays `text/event-stream`. */
export const SEALED_CONTENT_TYPE = "application/umbel-sealed";

/** Named limits of sealed mode. Source: api.md §19. */
export const SEALED_LIMITS = {
  /** Longest JSON line in front of a sealed request's ciphertext. */
  header_bytes_max: 1024,
  /** What sealing adds to a body at most: that line, its end, and the cipher's tag. */
  requestOverhead_bytes_max: 1024 + 1 + 16,
  /** Largest whole answer. */
  answer_bytes_max: 64 * 1024 * 1024,
  /** Largest plaintext of one sealed event; longer text goes in several. */
  event_bytes_max: 256 * 1024,
  /** Longest `data` of one sealed event: base64 of the largest, and its JSON around it. */
  event_characters_max: 384 * 1024,
  /** How far a request's timestamp may be from the clock of whoever opens it, either way. */
  clockSkew_ms_max: 5 * 60_000,
  /** Keys in one key document. */
  keys_max: 8,
} as const;

/** Length of the nonces of a request and of an answer. */
export const SEALED_NONCE_BYTES = 16;

const kid = z.string().regex(/^[0-9a-f]{16}$/, "must be 16 lower-case hex digits");

/** What stands in the clear before the ciphertext of a sealed request. All of it is bound to the ciphertext. */
export const sealedRequestHeader = z.object({
  kid,
  suite: envelopeSuite,
  /** When it was sealed. */
  timestamp,
  /** Drawn for this request alone. */
  nonce: base64Bytes(SEALED_NONCE_BYTES),
  /** HPKE's encapsulated key. */
  enc: base64Bytes(32),
});
export type SealedRequestHeader = z.infer<typeof sealedRequestHeader>;

/** `data` of one sealed event. */
export const sealedEvent = z.object({
  sequence: z.number().int().min(0).max(0xffff_ffff),
  /** Of the answer; in the first event only. */
  nonce: base64Bytes(SEALED_NONCE_BYTES).optional(),
  ciphertext: base64,
});

const encryptionKey = z.object({
  kid: kid.describe("First 16 hex digits of the key's SHA-256."),
  public_key: base64Bytes(32).describe("Raw X25519 public key, base64."),
  suites: z.array(z.string().max(64)).max(16).describe("HPKE suites that it is used with, the preferred first."),
  not_before: timestamp,
  expires_at: timestamp.describe("From then on envelopes sealed to it are refused."),
});
export type EncryptionKey = z.infer<typeof encryptionKey>;

const keys = z.array(encryptionKey).min(1).max(SEALED_LIMITS.keys_max);

/** What a coordinator's identity key signs: the keys that it accepts, the current one first. */
export const encryptionKeyClaims = z.object({ keys });
export type EncryptionKeyClaims = z.infer<typeof encryptionKeyClaims>;

/** Answer of `GET /v1/encryption-key`: the key to seal to, and all that are accepted, the current one first. */
export const encryptionKeyDocument = encryptionKey.extend({
  keys,
  signer: deviceKey.describe("The coordinator's identity key, as JWK. Trust it only when you know it from elsewhere."),
  signature: z.string().max(WIRE_LIMITS.jws_bytes_max).describe("JWS (ES256) by `signer` over `keys`."),
});
export type EncryptionKeyDocument = z.infer<typeof encryptionKeyDocument>;

/** Id of an encryption key: the first 16 hex digits of its SHA-256. */
export function encryptionKeyId(publicKey: Uint8Array): string {
  return toHex(keyThumbprint(publicKey).subarray(0, 8));
}
