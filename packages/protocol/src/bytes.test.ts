import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatBytes, EncodingError, fromBase64, fromHex, fromUtf8, toBase64, toHex, utf8 } from "./bytes.js";

const bytes = fc.uint8Array({ maxLength: 300 });

describe("bytes as text", () => {
  it("round-trips through base64 and hex", () => {
    fc.assert(
      fc.property(bytes, (input) => {
        expect(fromBase64(toBase64(input))).toEqual(input);
        expect(fromHex(toHex(input))).toEqual(input);
      }),
    );
  });

  it("writes the base64 that other libraries write", () => {
    fc.assert(fc.property(bytes, (input) => toBase64(input) === Buffer.from(input).toString("base64")));
  });

  it("takes large inputs", () => {
    const input = new Uint8Array(1_000_000).fill(7);
    expect(Buffer.compare(fromBase64(toBase64(input)), input)).toBe(0);
  });

  it.each(["AA", "AA=", "AAA", "A===", "AA==\n", " AA==", "A-_=", "AA==AA==", "AB==", "AAB="])("refuses %j as base64", (text) => {
    expect(() => fromBase64(text)).toThrow(new EncodingError("base64"));
  });

  it.each(["0", "0g", "00 ", "0x00"])("refuses %j as hex", (text) => {
    expect(() => fromHex(text)).toThrow(new EncodingError("hex"));
  });

  it("reads hex of either case and writes lower case", () => {
    expect(toHex(fromHex("aBcD"))).toBe("abcd");
  });
});

describe("UTF-8", () => {
  it("round-trips, a leading byte order mark included", () => {
    fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => fromUtf8(utf8(`\ufeff${text}`)) === `\ufeff${text}`));
  });

  it("refuses malformed bytes and does not repeat them", () => {
    expect(() => fromUtf8(Uint8Array.of(0x61, 0xff))).toThrow(new EncodingError("utf8"));
  });
});

describe("joining", () => {
  it("gives one new array", () => {
    const first = Uint8Array.of(1, 2);
    const joined = concatBytes(first, new Uint8Array(0), Uint8Array.of(3));
    expect(joined).toEqual(Uint8Array.of(1, 2, 3));
    joined[0] = 9;
    expect(first[0]).toBe(1);
  });
});
