import { chain, type MaybePromise } from "../crypto/maybe-promise.js";
import type { CryptoSupplier } from "../crypto/supplier.js";
import { FRAME_HEADER_BYTES } from "../frames.js";
import { type ChunkOptions, createChunkPosition, deriveChunkCipher } from "./chunk-key.js";
import { layOutChunk } from "./chunk-layout.js";
import { EnvelopeError } from "./errors.js";

/** Whether a chunk is the last of its response. */
export type ChunkPlace = "more" | "final";

/** Seals the chunks of one attempt in order. Both methods throw EnvelopeError `after_final` and `too_large`. */
export interface ChunkSealer {
  /** Sequence number of the next chunk. */
  readonly sequence: number;
  /** True once the final chunk was sealed. */
  readonly ended: boolean;
  /** Ciphertext of the next chunk, to be framed by the caller. */
  seal(plaintext: Uint8Array, last: ChunkPlace): MaybePromise<Uint8Array>;
  /** The next chunk as a whole binary frame, header included, sealed in place. Its ciphertext starts at `FRAME_HEADER_BYTES`. */
  sealFrame(plaintext: Uint8Array, last: ChunkPlace): MaybePromise<Uint8Array>;
}

/**
 * Creates the provider's side of a response. Use one per attempt, with a nonce drawn for that attempt.
 *
 * @throws EnvelopeError `malformed` (lengths); CryptoError `unsupported_cipher`
 */
export async function createChunkSealer(supplier: CryptoSupplier, options: ChunkOptions): Promise<ChunkSealer> {
  const cipher = await deriveChunkCipher(supplier, options);
  const position = createChunkPosition(options.requestId);
  const padding = options.padding ?? "none";
  let sequence = 0;
  let ended = false;

  function sealNext(content: Uint8Array, last: ChunkPlace, headroom_bytes: number): MaybePromise<Uint8Array> {
    if (ended) throw new EnvelopeError("after_final");
    const plaintext = layOutChunk(content, last === "final", padding);
    position.moveTo(sequence);
    const sealed = cipher.seal({ nonce: position.nonce, aad: position.header, plaintext, headroom_bytes });
    sequence++;
    ended = last === "final";
    return sealed;
  }

  return {
    get sequence() {
      return sequence;
    },
    get ended() {
      return ended;
    },
    seal: (plaintext, last) => sealNext(plaintext, last, 0),
    sealFrame(plaintext, last) {
      const sealed = sealNext(plaintext, last, FRAME_HEADER_BYTES);
      const header = sealed instanceof Promise ? position.header.slice() : position.header;
      return chain(sealed, (frame) => {
        frame.set(header);
        return frame;
      });
    },
  };
}
