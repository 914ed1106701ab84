import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { integerRange } from "./integer-range.js";
import { createGrammarMatcher } from "./testing/grammar-matcher.js";

const matcher = await createGrammarMatcher();
afterAll(() => matcher.dispose());

const accepts = (range: string, value: number | string) => matcher.accepts(`root ::= ${range}`, String(value));

describe("integers of a range", () => {
  it("are all that may be written", () => {
    const bound = fc.oneof(fc.integer({ min: -1_200, max: 1_200 }), fc.integer());
    fc.assert(
      fc.property(bound, bound, fc.array(fc.integer({ min: -3_000, max: 3_000 }), { maxLength: 5 }), (one, other, more) => {
        const [min, max] = [Math.min(one, other), Math.max(one, other)];
        const range = integerRange(min, max) ?? "";
        for (const value of [min - 1, min, min + 1, max - 1, max, max + 1, 0, 9, 10, -10, ...more]) {
          expect(accepts(range, value), `${value} of ${min} to ${max}`).toBe(value >= min && value <= max);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("have no other spelling", () => {
    const range = integerRange(-5, 120) ?? "";
    for (const text of ["00", "01", "-0", "+1", "1.0", "", "-", "1e1"]) expect(accepts(range, text), text).toBe(false);
  });

  it("may be open to either side", () => {
    expect([-1, 0, 10 ** 15].map((value) => accepts(integerRange(0, Infinity) ?? "", value))).toEqual([false, true, true]);
    expect([1, 0, -(10 ** 15)].map((value) => accepts(integerRange(-Infinity, 0) ?? "", value))).toEqual([false, true, true]);
  });

  it("are none where the bounds cross", () => {
    expect(integerRange(2, 1)).toBeUndefined();
  });
});
