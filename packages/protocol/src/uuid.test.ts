import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EncodingError, toHex } from "./bytes.js";
import { type RequestId, requestId } from "./messages/common.js";
import { bytesToUuid, uuidToBytes } from "./uuid.js";

const id = requestId.parse("6c84fb90-12c4-41e1-840d-7f6b0d1e2a4f");

describe("request ids as bytes", () => {
  it("keep the order of their digits", () => {
    expect(toHex(uuidToBytes(id))).toBe("6c84fb9012c441e1840d7f6b0d1e2a4f");
  });

  it("round-trip", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => toHex(uuidToBytes(bytesToUuid(bytes))) === toHex(bytes)),
    );
    fc.assert(fc.property(fc.uuid(), (uuid) => bytesToUuid(uuidToBytes(requestId.parse(uuid))) === uuid));
  });

  it.each([id.toUpperCase(), id.slice(1), `${id}0`, id.replace("-", ""), `${id}\n`, ""])("refuse %j", (text) => {
    expect(() => uuidToBytes(text as RequestId)).toThrow(new EncodingError("uuid"));
  });

  it.each([0, 15, 17])("refuse %d bytes", (length) => {
    expect(() => bytesToUuid(new Uint8Array(length))).toThrow(new EncodingError("uuid"));
  });
});
