import { utf8 } from "../bytes.js";
import { hkdfExpand, hkdfExtract } from "../crypto/hkdf.js";
import { type Cipher, type CryptoSupplier, keyBytesOf, NONCE_BYTES, X25519_BYTES } from "../crypto/supplier.js";
import { encodeFrameHeader, FrameKind, writeFrameSequence } from "../frames.js";
import { keyThumbprint } from "../hash.js";
import type { EnvelopeSuite, RequestId } from "../messages/common.js";
import { uuidToBytes } from "../uuid.js";
import type { ChunkPadding } from "./chunk-layout.js";
import { RESPONSE_SECRET_BYTES } from "./content-key-wrap.js";
import { EnvelopeError } from "./errors.js";
import { cipherOf } from "./suite.js";

/** Length of the nonce that a provider draws per attempt. */
export const RESPONSE_NONCE_BYTES = 16;
const versionTag = utf8("umbel-chunk/1");

/** What both ends of one attempt's response agree on. */
export interface ChunkOptions {
  readonly requestId: RequestId;
  /** From `wrapContentKey` or `openWrap`, 32 bytes. */
  readonly responseSecret: Uint8Array;
  /** From `inference_accepted`, 16 bytes, drawn per attempt. */
  readonly responseNonce: Uint8Array;
  /** The provider's key, to which the request was wrapped, 32 bytes. */
  readonly recipientPublicKey: Uint8Array;
  readonly suite: EnvelopeSuite;
  /** Concerns only the sealer; an opener reads it from each chunk. Default `none`. */
  readonly padding?: ChunkPadding;
}

/** Key of the chunks of one attempt. Throws EnvelopeError `malformed` for wrong lengths, CryptoError `unsupported_cipher`. */
export async function deriveChunkCipher(supplier: CryptoSupplier, options: ChunkOptions): Promise<Cipher> {
  const { responseSecret, responseNonce, recipientPublicKey, requestId } = options;
  const lengthsHold =
    responseSecret.length === RESPONSE_SECRET_BYTES &&
    responseNonce.length === RESPONSE_NONCE_BYTES &&
    recipientPublicKey.length === X25519_BYTES;
  if (!lengthsHold) throw new EnvelopeError("malformed");
  const cipherName = cipherOf(options.suite);
  const seed = hkdfExtract(supplier, responseNonce, responseSecret);
  const binding = [versionTag, uuidToBytes(requestId), keyThumbprint(recipientPublicKey)];
  return supplier.createCipher(cipherName, hkdfExpand(supplier, seed, keyBytesOf[cipherName], ...binding));
}

/** Nonce and associated data of chunk after chunk, in two buffers that are reused: every supplier is done with them, or has copied them, when its call returns. */
export function createChunkPosition(requestId: RequestId): { header: Uint8Array; nonce: Uint8Array; moveTo(sequence: number): void } {
  const header = encodeFrameHeader({ kind: FrameKind.responseChunk, requestId, sequence: 0 });
  const nonce = new Uint8Array(NONCE_BYTES);
  const nonceView = new DataView(nonce.buffer);
  return {
    header,
    nonce,
    moveTo(sequence) {
      writeFrameSequence(header, sequence);
      nonceView.setUint32(NONCE_BYTES - 4, sequence);
    },
  };
}
