import { utf8 } from "../bytes.js";
import { canonicalJson } from "../canonical-json.js";
import { CryptoError, type CryptoSupplier, keyBytesOf, NONCE_BYTES, TAG_BYTES } from "../crypto/supplier.js";
import { WIRE_LIMITS } from "../limits.js";
import type { EnvelopeSuite, RequestId } from "../messages/common.js";
import { EnvelopeError } from "./errors.js";
import { cipherOf } from "./suite.js";

/** Length of the key under which one request body is sealed. */
export const CONTENT_KEY_BYTES = 32;
const versionTag = "umbel-body/1";
/** A content key seals exactly one body, so its nonce is constant. */
const nonce = new Uint8Array(NONCE_BYTES);

/** What the coordinator sees of a sealed request and acts on. Bound to the body: neither can be changed without the other. */
export interface RequestMetadata {
  readonly request_id: RequestId;
  readonly build_id: string;
  readonly max_output_tokens: number;
}

/**
 * Seals a request body once, under a fresh content key. Wrap that key for each candidate provider with `wrapContentKey`.
 *
 * @param options.plaintext at most `WIRE_LIMITS.requestBody_bytes_max` bytes
 * @throws EnvelopeError `too_large`; CryptoError `unsupported_cipher` if the supplier lacks the suite
 */
export async function sealRequestBody(
  supplier: CryptoSupplier,
  options: { metadata: RequestMetadata; plaintext: Uint8Array; suite: EnvelopeSuite },
): Promise<{ contentKey: Uint8Array; ciphertext: Uint8Array }> {
  if (options.plaintext.length > WIRE_LIMITS.requestBody_bytes_max) throw new EnvelopeError("too_large");
  const contentKey = supplier.randomBytes(CONTENT_KEY_BYTES);
  const cipher = await supplier.createCipher(cipherOf(options.suite), contentKey);
  const ciphertext = await cipher.seal({ nonce, aad: associatedData(options.metadata), plaintext: options.plaintext });
  return { contentKey, ciphertext };
}

/**
 * Opens a request body.
 *
 * @param options.metadata as it came in clear; anything but the sealed values fails
 * @throws EnvelopeError `authentication`, `malformed` (lengths), `too_large`; CryptoError `unsupported_cipher`
 */
export async function openRequestBody(
  supplier: CryptoSupplier,
  options: { metadata: RequestMetadata; contentKey: Uint8Array; ciphertext: Uint8Array; suite: EnvelopeSuite },
): Promise<Uint8Array> {
  const cipherName = cipherOf(options.suite);
  if (options.contentKey.length !== keyBytesOf[cipherName] || options.ciphertext.length < TAG_BYTES) throw new EnvelopeError("malformed");
  if (options.ciphertext.length > WIRE_LIMITS.requestBody_bytes_max + TAG_BYTES) throw new EnvelopeError("too_large");
  const cipher = await supplier.createCipher(cipherName, options.contentKey);
  try {
    return await cipher.open({ nonce, aad: associatedData(options.metadata), ciphertext: options.ciphertext });
  } catch (error) {
    throw error instanceof CryptoError && error.code === "authentication" ? new EnvelopeError("authentication") : error;
  }
}

function associatedData({ request_id, build_id, max_output_tokens }: RequestMetadata): Uint8Array {
  return utf8(canonicalJson({ version: versionTag, request_id, build_id, max_output_tokens }));
}
