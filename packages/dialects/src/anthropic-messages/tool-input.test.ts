import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseToolInput, ToolInput } from "./tool-input.js";

const object = fc.dictionary(fc.string(), fc.jsonValue());

describe("the input of a call", () => {
  it("ends exactly where its object does, however it is cut", () => {
    fc.assert(
      fc.property(object, fc.string(), fc.integer({ min: 1, max: 5 }), (value, rest, length) => {
        const json = JSON.stringify(value);
        const input = new ToolInput();
        let taken = "";
        for (let at = 0; at < (json + rest).length; at += length) {
          expect(input.complete).toBe(taken.length === json.length);
          taken += input.take((json + rest).slice(at, at + length));
        }
        expect(taken).toBe(json);
        expect(input.complete).toBe(true);
      }),
    );
  });

  it.each(["nonsense", "[1]", '"{}"', "5"])("is none where no object begins: %s", (fragment) => {
    const input = new ToolInput();
    expect(input.take(` ${fragment}`)).toBe(" ");
    expect(input.complete).toBe(true);
    expect(input.take("{}")).toBe("");
    expect(parseToolInput(fragment)).toEqual({});
  });

  it("is what its arguments say", () => {
    fc.assert(
      fc.property(object, (value) => {
        const json = JSON.stringify(value);
        expect(JSON.stringify(parseToolInput(json))).toBe(json);
      }),
    );
  });
});
