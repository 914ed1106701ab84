import type { RequestId } from "./messages/common.js";
import { bytesToUuid, UUID_BYTES, writeUuid } from "./uuid.js";

/** What a binary frame carries. Kinds that are not listed are refused. */
export const FrameKind = { requestBody: 1, responseChunk: 2 } as const;
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind];

/** `u8 kind · 16-byte request id · u32 sequence`, big-endian (architecture.md "Wire"). */
export const FRAME_HEADER_BYTES = 1 + UUID_BYTES + 4;
const sequence_max = 2 ** 32 - 1;
const sequenceOffset = 1 + UUID_BYTES;

/** A binary frame that cannot be read, or a header that cannot be written. */
export class FrameError extends Error {
  override readonly name = "FrameError";
  constructor(readonly code: "too_short" | "unknown_kind" | "sequence_out_of_range") {
    super(`frame refused: ${code}`);
  }
}

export interface FrameHeader {
  kind: FrameKind;
  requestId: RequestId;
  /** 0 for a request body; 0, 1, 2… for the chunks of one attempt. */
  sequence: number;
}

export interface Frame extends FrameHeader {
  /** The sealed bytes. After `decodeFrame` a view into the received message, not a copy. */
  payload: Uint8Array;
}

/** Writes a header into the first `FRAME_HEADER_BYTES` of `into`, so that a payload can be produced right behind it. Throws FrameError, EncodingError. */
export function writeFrameHeader(into: Uint8Array, header: FrameHeader): void {
  if (into.length < FRAME_HEADER_BYTES) throw new FrameError("too_short");
  into[0] = header.kind;
  writeUuid(header.requestId, into, 1);
  writeFrameSequence(into, header.sequence);
}

/** Changes only the sequence of a header that is already written. Throws FrameError `sequence_out_of_range`. */
export function writeFrameSequence(into: Uint8Array, sequence: number): void {
  if (!Number.isInteger(sequence) || sequence < 0 || sequence > sequence_max) throw new FrameError("sequence_out_of_range");
  into[sequenceOffset] = sequence >>> 24;
  into[sequenceOffset + 1] = sequence >>> 16;
  into[sequenceOffset + 2] = sequence >>> 8;
  into[sequenceOffset + 3] = sequence;
}

/** The header alone, as new bytes: the associated data of a sealed chunk. Throws FrameError, EncodingError. */
export function encodeFrameHeader(header: FrameHeader): Uint8Array {
  const bytes = new Uint8Array(FRAME_HEADER_BYTES);
  writeFrameHeader(bytes, header);
  return bytes;
}

/** One binary message: header, then the payload. Throws FrameError `sequence_out_of_range`. */
export function encodeFrame(frame: Frame): Uint8Array {
  const bytes = new Uint8Array(FRAME_HEADER_BYTES + frame.payload.length);
  writeFrameHeader(bytes, frame);
  bytes.set(frame.payload, FRAME_HEADER_BYTES);
  return bytes;
}

/** Reads a binary message. The payload is a view. Throws FrameError `too_short` or `unknown_kind`. */
export function decodeFrame(bytes: Uint8Array): Frame {
  if (bytes.length < FRAME_HEADER_BYTES) throw new FrameError("too_short");
  const kind = bytes[0];
  if (kind !== FrameKind.requestBody && kind !== FrameKind.responseChunk) throw new FrameError("unknown_kind");
  return {
    kind,
    requestId: bytesToUuid(bytes.subarray(1, sequenceOffset)),
    sequence: new DataView(bytes.buffer, bytes.byteOffset + sequenceOffset, 4).getUint32(0),
    payload: bytes.subarray(FRAME_HEADER_BYTES),
  };
}
