import { concatBytes, utf8 } from "../bytes.js";
import { CryptoError, type CryptoSupplier, type EncryptionKeyPair, TAG_BYTES, X25519_BYTES } from "../crypto/supplier.js";
import { keyThumbprint } from "../hash.js";
import type { HpkeContext } from "../hpke/context.js";
import { setupReceiver, setupSender } from "../hpke/hpke.js";
import type { EnvelopeSuite, RequestId } from "../messages/common.js";
import { uuidToBytes } from "../uuid.js";
import { EnvelopeError } from "./errors.js";
import { CONTENT_KEY_BYTES } from "./request-body.js";
import { cipherOf } from "./suite.js";

/** Length of the secret from which the keys of the response are derived. */
export const RESPONSE_SECRET_BYTES = 32;
const versionTag = utf8("umbel-wrap/1");
const responseTag = utf8("umbel-response/1");
/** What the wrap is bound to stands in HPKE's `info`. */
const noAad = new Uint8Array(0);

/**
 * Wraps a content key to one provider, with a fresh encapsulation. Both ends also learn the response secret of this wrap.
 *
 * @param options.recipientPublicKey the provider's attested X25519 key, 32 bytes
 * @returns `enc` (32 bytes) and `ct` (48 bytes) for `inference_request.wrap`, and the 32-byte response secret
 * @throws EnvelopeError `malformed` unless the content key has 32 bytes; CryptoError `invalid_public_key`, `unsupported_cipher`
 */
export async function wrapContentKey(
  supplier: CryptoSupplier,
  options: { requestId: RequestId; contentKey: Uint8Array; recipientPublicKey: Uint8Array; suite: EnvelopeSuite },
): Promise<{ enc: Uint8Array; ct: Uint8Array; responseSecret: Uint8Array }> {
  if (options.contentKey.length !== CONTENT_KEY_BYTES) throw new EnvelopeError("malformed");
  const { requestId, recipientPublicKey } = options;
  const { enc, context } = await setupSender(supplier, {
    cipherName: cipherOf(options.suite),
    recipientPublicKey,
    info: wrapInfo(requestId, recipientPublicKey),
  });
  const ct = await context.seal(noAad, options.contentKey);
  return { enc, ct, responseSecret: responseSecretOf(context) };
}

/**
 * Opens a wrap with the provider's key pair.
 *
 * @throws EnvelopeError `malformed` (lengths, a degenerate `enc`), `authentication` (another key, request or suite); CryptoError
 *   `unsupported_cipher`
 */
export async function openWrap(
  supplier: CryptoSupplier,
  options: { requestId: RequestId; enc: Uint8Array; ct: Uint8Array; keyPair: EncryptionKeyPair; suite: EnvelopeSuite },
): Promise<{ contentKey: Uint8Array; responseSecret: Uint8Array }> {
  const { requestId, enc, ct, keyPair } = options;
  if (enc.length !== X25519_BYTES || ct.length !== CONTENT_KEY_BYTES + TAG_BYTES) throw new EnvelopeError("malformed");
  const info = wrapInfo(requestId, keyPair.publicKey);
  try {
    const context = await setupReceiver(supplier, { cipherName: cipherOf(options.suite), enc, keyPair, info });
    const contentKey = await context.open(noAad, ct);
    return { contentKey, responseSecret: responseSecretOf(context) };
  } catch (error) {
    if (error instanceof CryptoError && error.code === "invalid_public_key") throw new EnvelopeError("malformed");
    if (error instanceof CryptoError && error.code === "authentication") throw new EnvelopeError("authentication");
    throw error;
  }
}

/** Every part has a fixed length, so no two bindings share an encoding. */
function wrapInfo(requestId: RequestId, recipientPublicKey: Uint8Array): Uint8Array {
  return concatBytes(versionTag, uuidToBytes(requestId), keyThumbprint(recipientPublicKey));
}

function responseSecretOf(context: HpkeContext): Uint8Array {
  return context.exportSecret(responseTag, RESPONSE_SECRET_BYTES);
}
