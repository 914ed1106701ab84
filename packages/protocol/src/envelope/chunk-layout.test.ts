import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromHex, toHex, utf8 } from "../bytes.js";
import { layOutChunk, readChunkLayout } from "./chunk-layout.js";

describe("the plaintext of a chunk", () => {
  it("is a flag and the content", () => {
    expect(toHex(layOutChunk(utf8("ab"), false, "none"))).toBe("006162");
    expect(toHex(layOutChunk(utf8("ab"), true, "none"))).toBe("016162");
  });

  it("is a flag, the length, the content and zeros when padded", () => {
    expect(toHex(layOutChunk(utf8("ab"), true, "64"))).toBe(`03000000026162${"00".repeat(57)}`);
  });

  it("round-trips", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), fc.constantFrom("none", "64"), (plaintext, final, padding) => {
        expect(readChunkLayout(layOutChunk(plaintext, final, padding))).toEqual({ plaintext, final });
      }),
    );
  });

  it.each([
    ["nothing", ""],
    ["unknown flags", "0461"],
    ["padding to another class", "0200000001610000"],
    ["a length over the content", `02${"ffffffff"}${"00".repeat(59)}`],
    ["a whole class of padding too much", `0200000001${"00".repeat(123)}`],
  ])("is malformed with %s", (_, hex) => {
    expect(() => readChunkLayout(fromHex(hex))).toThrow(expect.objectContaining({ code: "malformed" }));
  });
});
