import { concatBytes, toBase64 } from "../bytes.js";
import { chain, type MaybePromise } from "../crypto/maybe-promise.js";
import type { CryptoSupplier } from "../crypto/supplier.js";
import { layOutChunk } from "../envelope/chunk-layout.js";
import type { ChunkPlace } from "../envelope/chunk-sealer.js";
import { EnvelopeError } from "../envelope/errors.js";
import { type AnswerOptions, answerNonceAt, deriveAnswerCipher, eventAad, wholeAnswerAad } from "./answer-key.js";
import { SEALED_LIMITS, SEALED_NONCE_BYTES } from "./wire.js";

/** Seals the answer of one request: either one whole, or events of which the last is final. Throws EnvelopeError `after_final`, `too_large`. */
export interface AnswerSealer {
  /** The body of an answer with this HTTP status. At most `SEALED_LIMITS.answer_bytes_max`. */
  whole(status: number, plaintext: Uint8Array): MaybePromise<Uint8Array>;
  /** The next piece of a stream as one server-sent event. At most `SEALED_LIMITS.event_bytes_max`; padded to a multiple of 64 bytes. */
  event(plaintext: Uint8Array, place: ChunkPlace): MaybePromise<string>;
}

/** The answering side. With a supplier that is synchronous, so is the sealing. @throws CryptoError `unsupported_cipher` */
export async function createAnswerSealer(supplier: CryptoSupplier, options: AnswerOptions): Promise<AnswerSealer> {
  const answerNonce = supplier.randomBytes(SEALED_NONCE_BYTES);
  const cipher = await deriveAnswerCipher(supplier, { ...options, nonce: answerNonce });
  let next = 0;
  let ended = false;

  /** No counter is ever used twice, whatever fails after it was taken. */
  function take(place: ChunkPlace): number {
    if (ended) throw new EnvelopeError("after_final");
    ended = place === "final";
    return next++;
  }

  return {
    whole(status, plaintext) {
      if (plaintext.length > SEALED_LIMITS.answer_bytes_max) throw new EnvelopeError("too_large");
      if (next > 0) throw new EnvelopeError("after_final");
      const sealed = cipher.seal({ nonce: answerNonceAt(take("final")), aad: wholeAnswerAad(status), plaintext });
      return chain(sealed, (ciphertext) => concatBytes(answerNonce, ciphertext));
    },
    event(plaintext, place) {
      if (plaintext.length > SEALED_LIMITS.event_bytes_max) throw new EnvelopeError("too_large");
      const sequence = take(place);
      const layout = layOutChunk(plaintext, place === "final", "64");
      const sealed = cipher.seal({ nonce: answerNonceAt(sequence), aad: eventAad, plaintext: layout });
      return chain(sealed, (bytes) => {
        const nonce = sequence === 0 ? { nonce: toBase64(answerNonce) } : {};
        return `data: ${JSON.stringify({ sequence, ...nonce, ciphertext: toBase64(bytes) })}\n\n`;
      });
    },
  };
}
