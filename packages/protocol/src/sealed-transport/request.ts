import { concatBytes, fromBase64, fromUtf8, toBase64, utf8 } from "../bytes.js";
import { canonicalJson } from "../canonical-json.js";
import { CryptoError, type CryptoSupplier, type EncryptionKeyPair, TAG_BYTES } from "../crypto/supplier.js";
import { EnvelopeError } from "../envelope/errors.js";
import { cipherOf } from "../envelope/suite.js";
import { keyThumbprint } from "../hash.js";
import type { HpkeContext } from "../hpke/context.js";
import { setupReceiver, setupSender } from "../hpke/hpke.js";
import { WIRE_LIMITS } from "../limits.js";
import type { EnvelopeSuite } from "../messages/common.js";
import { encryptionKeyId, SEALED_LIMITS, SEALED_NONCE_BYTES, type SealedRequestHeader, sealedRequestHeader } from "./wire.js";

const versionTag = "umbel-sealed-request/1";
const infoTag = utf8(versionTag);
const answerTag = utf8("umbel-sealed-answer/1");
const ANSWER_SECRET_BYTES = 32;
const LINE_FEED = 0x0a;

/** Where a request goes. Bound to it: an envelope for one endpoint does not open at another. */
export interface SealedRoute {
  /** In capitals, e.g. `POST`. */
  readonly method: string;
  /** Of the API, from `/v1/` on, without query. */
  readonly path: string;
}

/** A sealed request as it arrived, not opened yet. */
export interface SealedRequest {
  readonly header: SealedRequestHeader;
  readonly ciphertext: Uint8Array;
}

/**
 * Seals the body of one HTTP request to a coordinator's key: one line of JSON, then the ciphertext.
 *
 * @param options.recipientPublicKey the coordinator's X25519 key, 32 bytes
 * @param options.timestamp now; whoever opens it accepts `SEALED_LIMITS.clockSkew_ms_max` of difference
 * @param options.plaintext at most `WIRE_LIMITS.requestBody_bytes_max` bytes
 * @returns the body to send, and the secret with which its answer is opened
 * @throws EnvelopeError `too_large`; CryptoError `invalid_public_key`, `unsupported_cipher`
 */
export async function sealTransportRequest(
  supplier: CryptoSupplier,
  options: SealedRoute & {
    readonly recipientPublicKey: Uint8Array;
    readonly suite: EnvelopeSuite;
    readonly timestamp: Date;
    readonly plaintext: Uint8Array;
  },
): Promise<{ body: Uint8Array; answerSecret: Uint8Array }> {
  const { recipientPublicKey, suite, plaintext } = options;
  if (plaintext.length > WIRE_LIMITS.requestBody_bytes_max) throw new EnvelopeError("too_large");
  const { enc, context } = await setupSender(supplier, {
    cipherName: cipherOf(suite),
    recipientPublicKey,
    info: requestInfo(recipientPublicKey),
  });
  const header: SealedRequestHeader = {
    kid: encryptionKeyId(recipientPublicKey),
    suite,
    timestamp: options.timestamp.toISOString(),
    nonce: toBase64(supplier.randomBytes(SEALED_NONCE_BYTES)),
    enc: toBase64(enc),
  };
  const ciphertext = await context.seal(associatedData(header, options), plaintext);
  return { body: concatBytes(utf8(`${JSON.stringify(header)}\n`), ciphertext), answerSecret: answerSecretOf(context) };
}

/**
 * Reads what stands in the clear, so that key, time and size can be judged before anything is opened. The ciphertext is a view.
 *
 * @throws EnvelopeError `malformed`, `too_large`
 */
export function readTransportRequest(body: Uint8Array): SealedRequest {
  const end = body.subarray(0, SEALED_LIMITS.header_bytes_max + 1).indexOf(LINE_FEED);
  if (end === -1) throw new EnvelopeError("malformed");
  const header = sealedRequestHeader.safeParse(parse(body.subarray(0, end)));
  if (!header.success) throw new EnvelopeError("malformed");
  const ciphertext = body.subarray(end + 1);
  if (ciphertext.length < TAG_BYTES) throw new EnvelopeError("malformed");
  if (ciphertext.length > WIRE_LIMITS.requestBody_bytes_max + TAG_BYTES) throw new EnvelopeError("too_large");
  return { header: header.data, ciphertext };
}

/**
 * Opens a sealed request with the key pair that its `kid` names. Whether it is fresh and has not been seen before is the caller's to check,
 * by `timestamp` and `nonce`, which are proven by the opening.
 *
 * @returns the body, and the secret with which its answer is sealed
 * @throws EnvelopeError `authentication` (another key, route or header, or changed bytes), `malformed` (a degenerate `enc`); CryptoError
 *   `unsupported_cipher`
 */
export async function openTransportRequest(
  supplier: CryptoSupplier,
  { request, keyPair, ...route }: SealedRoute & { readonly request: SealedRequest; readonly keyPair: EncryptionKeyPair },
): Promise<{ plaintext: Uint8Array; answerSecret: Uint8Array }> {
  const { header, ciphertext } = request;
  try {
    const context = await setupReceiver(supplier, {
      cipherName: cipherOf(header.suite),
      enc: fromBase64(header.enc),
      keyPair,
      info: requestInfo(keyPair.publicKey),
    });
    const plaintext = await context.open(associatedData(header, route), ciphertext);
    return { plaintext, answerSecret: answerSecretOf(context) };
  } catch (error) {
    if (error instanceof CryptoError && error.code === "invalid_public_key") throw new EnvelopeError("malformed");
    if (error instanceof CryptoError && error.code === "authentication") throw new EnvelopeError("authentication");
    throw error;
  }
}

function parse(line: Uint8Array): unknown {
  try {
    return JSON.parse(fromUtf8(line));
  } catch {
    throw new EnvelopeError("malformed");
  }
}

function requestInfo(recipientPublicKey: Uint8Array): Uint8Array {
  return concatBytes(infoTag, keyThumbprint(recipientPublicKey));
}

function associatedData({ kid, suite, timestamp, nonce }: SealedRequestHeader, { method, path }: SealedRoute): Uint8Array {
  return utf8(canonicalJson({ version: versionTag, method, path, kid, suite, timestamp, nonce }));
}

function answerSecretOf(context: HpkeContext): Uint8Array {
  return context.exportSecret(answerTag, ANSWER_SECRET_BYTES);
}
