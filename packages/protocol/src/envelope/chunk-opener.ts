import type { MaybePromise } from "../crypto/maybe-promise.js";
import { CryptoError, type CryptoSupplier, TAG_BYTES } from "../crypto/supplier.js";
import { type ChunkOptions, createChunkPosition, deriveChunkCipher } from "./chunk-key.js";
import { chunkLayout_bytes_max, readChunkLayout } from "./chunk-layout.js";
import { EnvelopeError, type EnvelopeErrorCode } from "./errors.js";

export interface OpenedChunk {
  plaintext: Uint8Array;
  /** True for the last chunk of the response. */
  final: boolean;
}

/**
 * Opens the chunks of one attempt in order. The first failure is the last word: every later call throws the same, because a response with a
 * gap, a repeat or a foreign chunk must not go on.
 */
export interface ChunkOpener {
  /** True once the final chunk was opened. A response that stops before is truncated. */
  readonly ended: boolean;
  /**
   * Opens the next chunk. Calls may overlap; they are answered in order.
   *
   * @param sequence from the frame's header
   * @throws EnvelopeError `out_of_order`, `after_final`, `authentication`, `malformed`, `too_large`
   */
  open(sequence: number, ciphertext: Uint8Array): MaybePromise<OpenedChunk>;
}

/**
 * Creates the receiving side of a response: the coordinator's, or in blind mode the consumer's.
 *
 * @throws EnvelopeError `malformed` (lengths); CryptoError `unsupported_cipher`
 */
export async function createChunkOpener(supplier: CryptoSupplier, options: ChunkOptions): Promise<ChunkOpener> {
  const cipher = await deriveChunkCipher(supplier, options);
  const position = createChunkPosition(options.requestId);
  let expected = 0;
  let ended = false;
  let failure: EnvelopeErrorCode | undefined;
  /** The call before, where the supplier is asynchronous. Never rejects. */
  let turn: Promise<unknown> | undefined;

  function openNext(sequence: number, ciphertext: Uint8Array): MaybePromise<OpenedChunk> {
    const refusal = failure ?? refusalOf(sequence, ciphertext);
    if (refusal !== undefined) throw fail(refusal);
    position.moveTo(sequence);
    try {
      const layout = cipher.open({ nonce: position.nonce, aad: position.header, ciphertext });
      return layout instanceof Promise ? layout.then(accept).catch(rethrow) : accept(layout);
    } catch (error) {
      return rethrow(error);
    }
  }

  function refusalOf(sequence: number, ciphertext: Uint8Array): EnvelopeErrorCode | undefined {
    if (ended) return "after_final";
    if (sequence !== expected) return "out_of_order";
    if (ciphertext.length <= TAG_BYTES) return "malformed";
    return ciphertext.length > chunkLayout_bytes_max + TAG_BYTES ? "too_large" : undefined;
  }

  function accept(layout: Uint8Array): OpenedChunk {
    const chunk = readChunkLayout(layout);
    expected++;
    ended = chunk.final;
    return chunk;
  }

  function fail(code: EnvelopeErrorCode): EnvelopeError {
    failure = code;
    return new EnvelopeError(code);
  }

  function rethrow(error: unknown): never {
    if (error instanceof CryptoError && error.code === "authentication") throw fail("authentication");
    if (error instanceof EnvelopeError) throw fail(error.code);
    throw error;
  }

  return {
    get ended() {
      return ended;
    },
    open(sequence, ciphertext) {
      const opened = turn === undefined ? openNext(sequence, ciphertext) : turn.then(() => openNext(sequence, ciphertext));
      if (opened instanceof Promise) turn = opened.catch(() => undefined);
      return opened;
    },
  };
}
