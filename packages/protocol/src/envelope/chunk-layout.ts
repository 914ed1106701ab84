import { WIRE_LIMITS } from "../limits.js";
import { EnvelopeError } from "./errors.js";

/** `none`: as long as the content. `64`: rounded up to a multiple of 64 bytes, which hides the length of single tokens. */
export type ChunkPadding = "none" | "64";

/** First byte of every sealed chunk. */
const FINAL = 0b01;
const PADDED = 0b10;
const paddingClass_bytes = 64;
const paddedHeader_bytes = 5;

/** Longest layout of a chunk of the largest permitted content. */
export const chunkLayout_bytes_max = roundUp(paddedHeader_bytes + WIRE_LIMITS.chunk_bytes_max);

/**
 * What is sealed for one chunk: `u8 flags · content`, or padded `u8 flags · u32 length (big-endian) · content · zeros`.
 * Throws EnvelopeError `too_large` over `WIRE_LIMITS.chunk_bytes_max`.
 */
export function layOutChunk(content: Uint8Array, final: boolean, padding: ChunkPadding): Uint8Array {
  if (content.length > WIRE_LIMITS.chunk_bytes_max) throw new EnvelopeError("too_large");
  const flags = final ? FINAL : 0;
  if (padding === "none") {
    const bytes = new Uint8Array(1 + content.length);
    bytes[0] = flags;
    bytes.set(content, 1);
    return bytes;
  }
  const bytes = new Uint8Array(roundUp(paddedHeader_bytes + content.length));
  bytes[0] = flags | PADDED;
  new DataView(bytes.buffer).setUint32(1, content.length);
  bytes.set(content, paddedHeader_bytes);
  return bytes;
}

/** Reads a layout; the content is a view. Throws EnvelopeError `malformed` for unknown flags and impossible lengths. */
export function readChunkLayout(bytes: Uint8Array): { plaintext: Uint8Array; final: boolean } {
  const flags = bytes[0];
  if (flags === undefined || flags > (FINAL | PADDED)) throw new EnvelopeError("malformed");
  const final = (flags & FINAL) !== 0;
  if ((flags & PADDED) === 0) return { plaintext: bytes.subarray(1), final };
  if (bytes.length % paddingClass_bytes !== 0) throw new EnvelopeError("malformed");
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(1);
  if (roundUp(paddedHeader_bytes + length) !== bytes.length) throw new EnvelopeError("malformed");
  return { plaintext: bytes.subarray(paddedHeader_bytes, paddedHeader_bytes + length), final };
}

function roundUp(length: number): number {
  return Math.ceil(length / paddingClass_bytes) * paddingClass_bytes;
}
