import { utf8 } from "../bytes.js";
import { canonicalJson } from "../canonical-json.js";
import { hkdfExpand, hkdfExtract } from "../crypto/hkdf.js";
import { type Cipher, type CryptoSupplier, keyBytesOf, NONCE_BYTES } from "../crypto/supplier.js";
import { cipherOf } from "../envelope/suite.js";
import type { EnvelopeSuite } from "../messages/common.js";

const versionTag = "umbel-sealed-answer/1";
const infoTag = utf8(versionTag);

/** What both ends of one exchange agree on. */
export interface AnswerOptions {
  /** From `sealTransportRequest` or `openTransportRequest`, 32 bytes. */
  readonly answerSecret: Uint8Array;
  readonly suite: EnvelopeSuite;
}

/** Key of one answer. Its nonce is drawn by who answers, so that a request that is answered twice never uses a key twice (RFC 9458 §4.4). */
export async function deriveAnswerCipher(
  supplier: CryptoSupplier,
  { answerSecret, suite, nonce }: AnswerOptions & { readonly nonce: Uint8Array },
): Promise<Cipher> {
  const cipherName = cipherOf(suite);
  const seed = hkdfExtract(supplier, nonce, answerSecret);
  return supplier.createCipher(cipherName, hkdfExpand(supplier, seed, keyBytesOf[cipherName], infoTag));
}

/** Event *i* uses counter *i*; a whole answer is message 0. */
export function answerNonceAt(sequence: number): Uint8Array {
  const nonce = new Uint8Array(NONCE_BYTES);
  new DataView(nonce.buffer).setUint32(NONCE_BYTES - 4, sequence);
  return nonce;
}

/** The HTTP status is bound, so that nobody turns an answer into an error or the reverse. */
export function wholeAnswerAad(status: number): Uint8Array {
  return utf8(canonicalJson({ version: versionTag, form: "whole", status }));
}

export const eventAad = utf8(canonicalJson({ version: versionTag, form: "event" }));
