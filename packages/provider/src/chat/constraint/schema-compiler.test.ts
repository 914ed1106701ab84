import { afterAll, describe, expect, it } from "vitest";
import { freeLayout, singleLine } from "./json-style.js";
import { createRules } from "./rules.js";
import { compileSchema, schemaLimits, UnsupportedSchema } from "./schema-compiler.js";
import { createGrammarMatcher } from "./testing/grammar-matcher.js";

const matcher = await createGrammarMatcher();
afterAll(() => matcher.dispose());

function accepts(schema: unknown, text: string, layout: "free" | "single" = "single"): boolean {
  const rules = createRules();
  const root = compileSchema(schema, rules, layout === "free" ? freeLayout(rules) : singleLine);
  return matcher.accepts(rules.text(root), text);
}

function verdicts(schema: unknown, ...texts: string[]): boolean[] {
  return texts.map((text) => accepts(schema, text));
}

const person = {
  type: "object",
  properties: { name: { type: "string" }, age: { type: "integer" }, tags: { type: "array", items: { type: "string" } } },
  required: ["name"],
  additionalProperties: false,
};

describe("objects", () => {
  it("have their required members, and optional ones in order or not at all", () => {
    expect(verdicts(person, '{"name": "Ada"}', '{"name": "Ada", "age": 36}', '{"name": "Ada", "tags": ["x", "y"]}')).toEqual([
      true,
      true,
      true,
    ]);
    expect(verdicts(person, "{}", '{"age": 36}', '{"age": 3, "name": "A"}', '{"name": "Ada", "more": 1}', '{"name": "Ada",}')).toEqual(
      Array(5).fill(false),
    );
  });

  it("may leave out everything that is optional", () => {
    const optional = { type: "object", properties: { a: { type: "integer" }, b: { type: "integer" }, c: { type: "null" } } };
    expect(verdicts(optional, "{}", '{"b": 1}', '{"a": 1, "c": null}', '{"c": null, "a": 1}')).toEqual([true, true, true, false]);
  });

  it("without named members are open, of one type, or empty", () => {
    expect(verdicts({ type: "object" }, '{"any": [1, {"x": null}]}', "[]")).toEqual([true, false]);
    expect(verdicts({ type: "object", additionalProperties: { type: "integer" } }, '{"a": 1, "b": 2}', '{"a": "1"}')).toEqual([
      true,
      false,
    ]);
    expect(verdicts({ type: "object", additionalProperties: false }, "{}", '{"a": 1}')).toEqual([true, false]);
  });

  it("may be laid out freely, within bounds", () => {
    expect(accepts(person, '{\n  "name": "Ada",\n  "age": 36\n}', "free")).toBe(true);
    expect(accepts(person, '{"name":"Ada","age":36}', "free")).toBe(true);
    expect(accepts(person, `{\n${" ".repeat(21)}"name": "Ada"}`, "free")).toBe(false);
  });
});

describe("values", () => {
  it("are of their type", () => {
    expect(verdicts({ type: "integer" }, "12", "-3", "0", "01", "1.5", '"1"')).toEqual([true, true, true, false, false, false]);
    expect(verdicts({ type: "number" }, "1.5", "-2e10", "1.", "NaN")).toEqual([true, true, false, false]);
    expect(verdicts({ type: "boolean" }, "true", "false", "null")).toEqual([true, true, false]);
    expect(verdicts({ type: ["string", "null"], minLength: 2 }, '"ab"', "null", '"a"', "1")).toEqual([true, true, false, false]);
    expect(verdicts({ type: "string", nullable: true }, '"a"', "null", "1")).toEqual([true, true, false]);
    expect(verdicts({}, "1", '"a"', "[[]]", "{}", "null", "x")).toEqual([true, true, true, true, true, false]);
  });

  it("are strings of a length or a format, with every escape", () => {
    expect(verdicts({ type: "string" }, '"é🙂\\n\\u00e9\\""', '"a\nb"', '"\\x"', '"\\ud83d"')).toEqual([true, false, false, false]);
    expect(verdicts({ type: "string", minLength: 2, maxLength: 3 }, '"ab"', '"abc"', '"a"', '"abcd"')).toEqual([true, true, false, false]);
    expect(verdicts({ type: "string", format: "date" }, '"2026-02-28"', '"2026-13-01"')).toEqual([true, false]);
    expect(verdicts({ type: "string", format: "date-time" }, '"2026-02-28T10:00:00Z"', '"2026-02-28"')).toEqual([true, false]);
    expect(accepts({ type: "string", format: "uuid" }, '"123e4567-e89b-12d3-a456-426614174000"')).toBe(true);
  });

  it("are one of a list", () => {
    expect(verdicts({ enum: ["red", 'gre"en', 3, null] }, '"red"', '"gre\\"en"', "3", "null", '"blue"')).toEqual([
      true,
      true,
      true,
      true,
      false,
    ]);
    expect(verdicts({ const: "x" }, '"x"', '"y"')).toEqual([true, false]);
  });

  it("are lists of a length", () => {
    const list = { type: "array", items: { type: "integer" }, minItems: 2, maxItems: 3 };
    expect(verdicts(list, "[1, 2]", "[1, 2, 3]", "[1]", "[]", "[1, 2, 3, 4]")).toEqual([true, true, false, false, false]);
    expect(verdicts({ type: "array", maxItems: 1 }, "[]", "[1]", "[1, 2]")).toEqual([true, true, false]);
    expect(verdicts({ type: "array", maxItems: 0 }, "[]", "[1]")).toEqual([true, false]);
  });
});

describe("composition", () => {
  it("takes any of several schemas", () => {
    const either = { anyOf: [{ type: "integer" }, person] };
    expect(verdicts(either, "1", '{"name": "Ada"}', '"x"')).toEqual([true, true, false]);
  });

  it("follows references, also to themselves", () => {
    const tree = {
      $ref: "#/$defs/node",
      $defs: {
        node: { type: "object", properties: { next: { anyOf: [{ $ref: "#/$defs/node" }, { type: "null" }] } }, required: ["next"] },
      },
    };
    expect(verdicts(tree, '{"next": null}', '{"next": {"next": {"next": null}}}', '{"next": 1}')).toEqual([true, true, false]);
  });
});

describe("values that a schema lists", () => {
  it("are only those of its type", () => {
    expect(verdicts({ type: "string", enum: ["a", 1] }, '"a"', "1")).toEqual([true, false]);
    expect(verdicts({ type: ["integer", "null"], enum: [1, 1.5, null, "x"] }, "1", "null", "1.5", '"x"')).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  it("have to list null too", () => {
    expect(verdicts({ type: "string", nullable: true, enum: ["a"] }, '"a"', "null")).toEqual([true, false]);
    expect(verdicts({ type: "string", nullable: true, enum: ["a", null] }, '"a"', "null")).toEqual([true, true]);
    expect(verdicts({ type: "string", nullable: true }, '"a"', "null")).toEqual([true, true]);
  });
});

describe("oneOf", () => {
  const shape = (kind: string, member: string) => ({
    type: "object",
    properties: { kind: { const: kind }, [member]: { type: "number" } },
    required: ["kind", member],
    additionalProperties: false,
  });

  it("takes one of several that no value can match twice", () => {
    const shapes = { oneOf: [shape("circle", "radius"), shape("square", "side")] };
    expect(verdicts(shapes, '{"kind": "circle", "radius": 1}', '{"kind": "square", "radius": 1}')).toEqual([true, false]);
    expect(verdicts({ oneOf: [{ type: "string" }, { type: "null" }] }, '"a"', "null", "1")).toEqual([true, true, false]);
  });

  it.each([
    [[{ type: "integer" }, { type: "number" }]],
    [[{ type: "string" }, {}]],
    [[{ enum: [1, 2] }, { enum: [2, 3] }]],
    [[{ type: "object" }, { type: "object" }]],
  ])("is refused where a value could match two: %j", (options) => {
    expect(() => accepts({ oneOf: options }, "1")).toThrow(expect.objectContaining({ keyword: "oneOf" }));
  });
});

describe("what cannot be enforced", () => {
  it("is refused by name, never ignored", () => {
    const refused: [unknown, string][] = [
      [{ type: "string", pattern: "a+" }, "pattern"],
      [{ type: "string", format: "email" }, "format"],
      [{ type: "number", minimum: 1 }, "minimum"],
      [{ type: "integer", minimum: 1.5 }, "minimum"],
      [{ type: "integer", minimum: 2, maximum: 1 }, "bounds"],
      [{ minimum: 1 }, "minimum"],
      [{ type: ["number", "null"], minimum: 1 }, "minimum"],
      [{ type: "number", multipleOf: 2 }, "multipleOf"],
      [{ type: "array", uniqueItems: true }, "uniqueItems"],
      [{ type: "object", patternProperties: {} }, "patternProperties"],
      [{ type: "object", properties: {}, required: ["a"] }, "required"],
      [{ type: "object", anyOf: [{ required: ["a"] }] }, "type"],
      [{ not: {} }, "not"],
      [{ allOf: [{}, {}] }, "allOf"],
      [{ type: "string", maxLength: schemaLimits.repetitions_max + 1 }, "maxLength"],
      [{ enum: Array.from({ length: schemaLimits.enum_max + 1 }, (_, i) => i) }, "enum"],
      [{ $ref: "https://example.com/schema" }, "$ref"],
      [{ $ref: "#/nowhere" }, "$ref"],
      [{ $ref: "#anchor" }, "$ref"],
      [{ $ref: "#/%" }, "$ref"],
      [{ $ref: "#" }, "$ref"],
      [{ anyOf: [{ type: "null" }, { $ref: "#/$defs/a" }], $defs: { a: { anyOf: [{ type: "string" }, { $ref: "#/$defs/a" }] } } }, "$ref"],
      [{ type: "object", properties: { a: {} }, required: "a" }, "required"],
      [{ type: "object", properties: { a: {} }, required: ["toString"] }, "required"],
      [{ type: [] }, "type"],
      [{ type: "string", enum: [1] }, "enum"],
      [false, "false"],
    ];
    for (const [schema, keyword] of refused) {
      expect(() => accepts(schema, "1"), keyword).toThrow(expect.objectContaining({ name: UnsupportedSchema.name, keyword }));
    }
  });

  it("is a schema without measure", () => {
    let deep: object = { type: "integer" };
    for (let i = 0; i <= schemaLimits.depth_max; i++) deep = { type: "array", items: deep };
    expect(() => accepts(deep, "1")).toThrow(expect.objectContaining({ keyword: "depth" }));
    const wide = {
      type: "object",
      properties: Object.fromEntries(Array.from({ length: schemaLimits.rules_max }, (_, i) => [`p${i}`, {}])),
    };
    expect(() => accepts(wide, "1")).toThrow(expect.objectContaining({ keyword: "size" }));
  });

  it("leaves annotations alone", () => {
    expect(accepts({ type: "integer", title: "t", description: "d", default: 1, examples: [1] }, "1")).toBe(true);
  });
});
