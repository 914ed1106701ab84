import { fromBase64 } from "../bytes.js";
import { type Cipher, CryptoError, type CryptoSupplier, TAG_BYTES } from "../crypto/supplier.js";
import { readChunkLayout } from "../envelope/chunk-layout.js";
import type { OpenedChunk } from "../envelope/chunk-opener.js";
import { EnvelopeError } from "../envelope/errors.js";
import { type AnswerOptions, answerNonceAt, deriveAnswerCipher, eventAad, wholeAnswerAad } from "./answer-key.js";
import { SEALED_LIMITS, SEALED_NONCE_BYTES, sealedEvent } from "./wire.js";

/**
 * Opens the answer of one request. One call at a time. The first failure is the last word: every later call throws the same.
 */
export interface AnswerOpener {
  /** True once the final event, or the whole answer, was opened. A stream that stops before is truncated. */
  readonly ended: boolean;
  /** Opens a whole answer. @throws EnvelopeError `authentication` (also for another status), `malformed`, `too_large`, `after_final` */
  whole(status: number, body: Uint8Array): Promise<Uint8Array>;
  /**
   * Opens the next event.
   *
   * @param data of the event, JSON
   * @throws EnvelopeError `out_of_order`, `after_final`, `authentication`, `malformed`, `too_large`
   */
  event(data: string): Promise<OpenedChunk>;
}

/** The asking side. */
export function createAnswerOpener(supplier: CryptoSupplier, options: AnswerOptions): AnswerOpener {
  let cipher: Cipher | undefined;
  let expected = 0;
  let ended = false;
  let failure: EnvelopeError | undefined;

  async function guarded<T>(open: () => Promise<T>): Promise<T> {
    if (failure !== undefined) throw failure;
    try {
      if (ended) throw new EnvelopeError("after_final");
      return await open();
    } catch (error) {
      if (error instanceof CryptoError && error.code === "authentication") failure = new EnvelopeError("authentication");
      else if (error instanceof EnvelopeError) failure = error;
      throw failure ?? error;
    }
  }

  async function openEvent(data: string): Promise<OpenedChunk> {
    const { sequence, nonce, ciphertext } = readEvent(data);
    if (sequence !== expected) throw new EnvelopeError("out_of_order");
    if ((nonce === undefined) !== (cipher !== undefined)) throw new EnvelopeError("malformed");
    if (nonce !== undefined) cipher = await deriveAnswerCipher(supplier, { ...options, nonce });
    if (cipher === undefined) throw new EnvelopeError("malformed");
    const opened = readChunkLayout(await cipher.open({ nonce: answerNonceAt(sequence), aad: eventAad, ciphertext }));
    expected++;
    ended = opened.final;
    return opened;
  }

  async function openWhole(status: number, body: Uint8Array): Promise<Uint8Array> {
    if (expected > 0) throw new EnvelopeError("out_of_order");
    if (body.length < SEALED_NONCE_BYTES + TAG_BYTES) throw new EnvelopeError("malformed");
    if (body.length > SEALED_NONCE_BYTES + SEALED_LIMITS.answer_bytes_max + TAG_BYTES) throw new EnvelopeError("too_large");
    const nonce = body.subarray(0, SEALED_NONCE_BYTES);
    const whole = await deriveAnswerCipher(supplier, { ...options, nonce });
    const ciphertext = body.subarray(SEALED_NONCE_BYTES);
    const plaintext = await whole.open({ nonce: answerNonceAt(0), aad: wholeAnswerAad(status), ciphertext });
    ended = true;
    return plaintext;
  }

  return {
    get ended() {
      return ended;
    },
    whole: (status, body) => guarded(() => openWhole(status, body)),
    event: (data) => guarded(() => openEvent(data)),
  };
}

function readEvent(data: string): { sequence: number; nonce: Uint8Array | undefined; ciphertext: Uint8Array } {
  if (data.length > SEALED_LIMITS.event_characters_max) throw new EnvelopeError("too_large");
  const event = sealedEvent.safeParse(parse(data));
  if (!event.success) throw new EnvelopeError("malformed");
  const { sequence, nonce } = event.data;
  const ciphertext = fromBase64(event.data.ciphertext);
  if (ciphertext.length <= TAG_BYTES) throw new EnvelopeError("malformed");
  return { sequence, nonce: nonce === undefined ? undefined : fromBase64(nonce), ciphertext };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new EnvelopeError("malformed");
  }
}
