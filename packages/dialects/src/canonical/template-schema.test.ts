import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { templateSchema } from "./template-schema.js";

describe("a tool's schema for a chat template", () => {
  it.each([
    [{ type: ["string", "null"] }, { type: "string", nullable: true }],
    [
      { type: ["null", "integer"], nullable: false },
      { type: "integer", nullable: false },
    ],
    [{ type: ["null"] }, { type: "null" }],
    [
      { type: [], properties: {} },
      { type: "object", properties: {} },
    ],
    [{ enum: ["a"] }, { type: "string", enum: ["a"] }],
    [{ description: "x" }, { type: "string", description: "x" }],
    [{ additionalProperties: true }, { type: "object", additionalProperties: true }],
    [{ items: { description: "x" } }, { type: "array", items: { type: "string", description: "x" } }],
    [
      { anyOf: [{ type: "null" }, { type: ["number", "null"] }] },
      { anyOf: [{ type: "null" }, { type: "number", nullable: true }], type: "number" },
    ],
    [
      { type: "object", properties: { a: { enum: ["x"] }, b: { type: "string" } } },
      { type: "object", properties: { a: { type: "string", enum: ["x"] }, b: { type: "string" } } },
    ],
  ])("has one word for every type: %j", (schema, expected) => {
    expect(templateSchema(schema)).toEqual(expected);
  });

  it.each([[{}], [{ $ref: "#/$defs/a" }], [{ type: "object", properties: { a: { type: "string" } } }]])(
    "is left alone when it has: %j",
    (schema) => {
      expect(templateSchema(schema)).toBe(schema);
    },
  );

  it("is not changed twice", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom("type", "items", "properties", "anyOf", "enum", "nullable", "a"), fc.jsonValue()),
        (schema) => {
          const once = templateSchema(schema);
          expect(templateSchema(once)).toEqual(once);
        },
      ),
    );
  });
});
