import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { pack, unpack } from "./pack.js";

const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3 },
    fc.string(),
    fc.double().map((number) => (Object.is(number, -0) ? 0 : number)),
    fc.boolean(),
    fc.array(tie("tree"), { maxLength: 3 }),
    fc.dictionary(fc.string(), tie("tree"), { maxKeys: 3, noNullPrototype: true }).filter((value) => !Object.hasOwn(value, "__proto__")),
    fc.array(fc.tuple(fc.string(), tie("tree")), { maxLength: 3 }).map((pairs) => new Map(pairs)),
    fc.array(fc.string(), { maxLength: 3 }).map((members) => new Set(members)),
  ),
}));

describe("packed data", () => {
  it("comes out as it went in, over JSON", () => {
    fc.assert(
      fc.property(tree, (value) => {
        expect(unpack(JSON.parse(JSON.stringify(pack(value))))).toEqual(value);
      }),
    );
  });

  it("is the same for equal data, whatever the order of its fields, keys and members", () => {
    const one = {
      a: 1,
      b: new Map([
        ["x", 1],
        ["y", 2],
      ]),
      c: new Set(["p", "q"]),
    };
    const other = {
      c: new Set(["q", "p"]),
      b: new Map([
        ["y", 2],
        ["x", 1],
      ]),
      a: 1,
      d: undefined,
    };
    expect(pack(other)).toEqual(pack(one));
  });

  it("refuses what is no data, and what it has not made", () => {
    expect(() => pack(() => 1)).toThrow(TypeError);
    expect(() => unpack({ strings: [], shapes: [], root: "0" })).toThrow(TypeError);
    expect(() => unpack({ strings: [], shapes: [], root: [0, 0] })).toThrow(TypeError);
    expect(() => unpack({ strings: [], shapes: [], root: [9] })).toThrow(TypeError);
  });
});
