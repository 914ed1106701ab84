import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EncodingError } from "./bytes.js";
import { canonicalJson } from "./canonical-json.js";

describe("canonical JSON", () => {
  it("matches the example of RFC 8785 §3.2.2 and §3.2.3", () => {
    const value = {
      numbers: [Number("333333333.33333329"), 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      string: "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"/",
      literals: [null, true, false],
    };
    expect(canonicalJson(value)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
  });

  it("sorts keys by UTF-16 units, as in RFC 8785 §3.2.3", () => {
    const value = {
      "\u20ac": "Euro Sign",
      "\r": "Carriage Return",
      "\ufb33": "Hebrew Letter Dalet With Dagesh",
      "1": "One",
      "\ud83d\ude00": "Emoji: Grinning Face",
      "\u0080": "Control",
      "\u00f6": "Latin Small Letter O With Diaeresis",
    };
    expect(canonicalJson(value)).toBe(
      '{"\\r":"Carriage Return","1":"One","\u0080":"Control","ö":"Latin Small Letter O With Diaeresis","€":"Euro Sign","😀":"Emoji: Grinning Face","\ufb33":"Hebrew Letter Dalet With Dagesh"}',
    );
  });

  it.each([
    [0, "0"],
    [-0, "0"],
    [Number.MIN_VALUE, "5e-324"],
    [Number.MAX_VALUE, "1.7976931348623157e+308"],
    [9007199254740992, "9007199254740992"],
    [295147905179352830000, "295147905179352830000"],
    [9.999999999999997e22, "9.999999999999997e+22"],
    [1e23, "1e+23"],
    [0.000001, "0.000001"],
    [1e-7, "1e-7"],
  ])("writes %d as in RFC 8785 appendix B", (number, text) => {
    expect(canonicalJson(number)).toBe(text);
  });

  it("gives equal text for equal values, whatever the order of their keys, and loses nothing", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 })), (value) => {
        const reversed = Object.fromEntries(Object.entries(value).reverse());
        const text = canonicalJson(value);
        expect(canonicalJson(reversed)).toBe(text);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
      { numRuns: 50 },
    );
  });

  it("leaves out undefined properties and writes dates as JSON does", () => {
    expect(canonicalJson({ b: undefined, a: 1, at: new Date(0) })).toBe('{"a":1,"at":"1970-01-01T00:00:00.000Z"}');
  });

  const cycle: unknown[] = [];
  cycle.push(cycle);
  it.each([
    ["NaN", Number.NaN],
    ["Infinity", { deep: [Number.POSITIVE_INFINITY] }],
    ["undefined", undefined],
    ["undefined in an array", [undefined]],
    ["a hole in an array", new Array(1)],
    ["a function", { f: () => 1 }],
    ["a symbol", { s: Symbol("s") }],
    ["a big integer", { n: 1n }],
    ["a lone surrogate", "\ud800"],
    ["a lone surrogate in a key", { "\udc00": 1 }],
    ["a cycle", cycle],
  ])("refuses %s", (_, value) => {
    expect(() => canonicalJson(value)).toThrow(new EncodingError("json"));
  });
});
