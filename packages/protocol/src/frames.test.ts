import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromHex, toHex } from "./bytes.js";
import { decodeFrame, encodeFrame, encodeFrameHeader, FRAME_HEADER_BYTES, FrameError, FrameKind, writeFrameHeader } from "./frames.js";
import { requestId } from "./messages/common.js";

const id = requestId.parse("6c84fb90-12c4-41e1-840d-7f6b0d1e2a4f");
const golden = "026c84fb9012c441e1840d7f6b0d1e2a4f01020304";

describe("binary frames", () => {
  it("are kind, request id, big-endian sequence, payload", () => {
    const frame = encodeFrame({ kind: FrameKind.responseChunk, requestId: id, sequence: 0x01020304, payload: Uint8Array.of(0xaa, 0xbb) });
    expect(toHex(frame)).toBe(`${golden}aabb`);
    expect(FRAME_HEADER_BYTES).toBe(21);
  });

  it("round-trip", () => {
    const frames = fc.record({
      kind: fc.constantFrom(FrameKind.requestBody, FrameKind.responseChunk),
      requestId: fc.uuid().map((uuid) => requestId.parse(uuid)),
      sequence: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      payload: fc.uint8Array({ maxLength: 100 }),
    });
    fc.assert(
      fc.property(frames, (frame) => {
        expect(decodeFrame(encodeFrame(frame))).toEqual(frame);
      }),
    );
  });

  it("are read in place, wherever in a buffer they lie", () => {
    const buffer = fromHex(`ffff${golden}aabb`);
    const { payload, sequence } = decodeFrame(buffer.subarray(2));
    expect(payload.buffer).toBe(buffer.buffer);
    expect(payload).toEqual(Uint8Array.of(0xaa, 0xbb));
    expect(sequence).toBe(0x01020304);
  });

  it("may have an empty payload", () => {
    expect(decodeFrame(fromHex(golden)).payload).toHaveLength(0);
  });

  it.each([0, 1, 20])("of %d bytes are refused", (length) => {
    expect(() => decodeFrame(fromHex(golden).subarray(0, length))).toThrow(new FrameError("too_short"));
  });

  it.each([0, 3, 255])("of kind %d are refused", (kind) => {
    const bytes = fromHex(golden);
    bytes[0] = kind;
    expect(() => decodeFrame(bytes)).toThrow(new FrameError("unknown_kind"));
  });

  it.each([-1, 2 ** 32, 0.5, Number.NaN])("cannot carry sequence %d", (sequence) => {
    expect(() => encodeFrameHeader({ kind: FrameKind.requestBody, requestId: id, sequence })).toThrow(
      new FrameError("sequence_out_of_range"),
    );
  });

  it("can have their header written in front of a payload that is produced in place", () => {
    const frame = new Uint8Array(FRAME_HEADER_BYTES + 1).fill(0xcc);
    writeFrameHeader(frame, { kind: FrameKind.responseChunk, requestId: id, sequence: 0x01020304 });
    expect(toHex(frame)).toBe(`${golden}cc`);
    const header = { kind: FrameKind.responseChunk, requestId: id, sequence: 0 };
    expect(() => writeFrameHeader(new Uint8Array(20), header)).toThrow(new FrameError("too_short"));
  });
});
