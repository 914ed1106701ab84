import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { placeOfFault } from "./json-fault.js";

describe("where a text stops being JSON", () => {
  it.each([
    ['{"a": [}', 1, 8],
    ['{"a": 1,}', 1, 9],
    ["{'a': 1}", 1, 2],
    ['{"a" 1}', 1, 6],
    ['{\n  "a": 1\n  "b": 2\n}', 3, 3],
    ['{"a": 01}', 1, 8],
    ['{"a": NaN}', 1, 7],
    ['{"a": "x\ny"}', 1, 9],
    ['{"a": "\\x"}', 1, 9],
    ['{"a": "open', 1, 12],
    ["[1, 2", 1, 6],
    ["", 1, 1],
    ["{} {}", 1, 4],
  ])("%j: line %i, column %i", (text, line, column) => {
    expect(placeOfFault(text)).toEqual({ line, column });
  });

  it("is nowhere exactly where the parser takes it", () => {
    const signs = fc.constantFrom(...'{}[],:"\\ \n\t-+.eE01ftu', "true", "null", '"a"', '"a":', "\u0000", "\ufeff");
    const noise = fc.array(signs, { maxLength: 8 }).map((parts) => parts.join(""));
    const spoilt = fc.tuple(fc.json(), fc.nat(), noise).map(([text, at, sign]) => {
      const place = at % (text.length + 1);
      return text.slice(0, place) + sign + text.slice(place);
    });
    fc.assert(
      fc.property(fc.oneof(noise, spoilt, fc.json()), (text) => {
        expect(placeOfFault(text) === undefined).toBe(parses(text));
      }),
      { numRuns: 2_000 },
    );
  });
});

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
