import { describe, expect, it } from "vitest";
import { refuseUnsupportedSchema, STRICT_SCHEMA_LIMITS } from "./strict-schema.js";

const refusal = (schema: unknown): unknown => {
  try {
    refuseUnsupportedSchema(schema, ["schema"]);
  } catch (error) {
    return error;
  }
  return undefined;
};
const { depth_max, enum_max, repetitions_max } = STRICT_SCHEMA_LIMITS;

function nested(levels: number): object {
  return levels === 0 ? { type: "string" } : { type: "array", items: nested(levels - 1) };
}

describe("a strict schema", () => {
  it.each([
    [{ type: "object", properties: { a: { type: ["string", "null"] } }, required: ["a"], additionalProperties: false }],
    [{ type: "array", items: { type: "integer" }, minItems: 1, maxItems: repetitions_max }],
    [{ type: "string", enum: ["a", "b"], description: "x", title: "y", default: "a" }],
    [{ const: 5 }],
    [{ type: "integer", enum: [1, 2] }],
    [{ type: "string", nullable: true, enum: [null, "a"] }],
    [{ anyOf: [{ type: "string", format: "date-time" }, { type: "null" }] }],
    [{ allOf: [{ $ref: "#/$defs/node" }], $defs: { node: { type: "object", properties: { next: { $ref: "#/$defs/node" } } } } }],
    [{ $ref: "#/$defs/a~1b", $defs: { "a/b": { type: "boolean" }, unused: { pattern: "x" } } }],
    [{ type: "object", additionalProperties: { type: "number" } }],
    [{ type: "integer", minimum: -9007199254740991, exclusiveMaximum: 10 }],
    [{}],
    [true],
    [nested(depth_max)],
    [{ enum: Array.from({ length: enum_max }, (_, index) => index) }],
  ])("is taken when every keyword can be enforced: %#", (schema) => {
    expect(refusal(schema)).toBeUndefined();
  });

  it.each([
    [{ type: "string", pattern: "^a" }, "schema.pattern", "unsupported_parameter"],
    [{ type: "object", properties: { a: { type: "number", multipleOf: 2 } } }, "schema.properties.a.multipleOf", "unsupported_parameter"],
    [{ type: "number", minimum: 0 }, "schema.minimum", "unsupported_parameter"],
    [{ type: "integer", minimum: 0.5 }, "schema.minimum", "invalid_request_error"],
    [{ type: "array", items: { type: "array", uniqueItems: true } }, "schema.items.uniqueItems", "unsupported_parameter"],
    [{ type: "string", format: "email" }, "schema.format", "unsupported_parameter"],
    [{ type: "string", format: "date", minLength: 3 }, "schema.minLength", "unsupported_parameter"],
    [{ type: "object", patternProperties: {} }, "schema.patternProperties", "unsupported_parameter"],
    [{ not: {} }, "schema.not", "unsupported_parameter"],
    [{ anyOf: [{ type: "string" }], type: "string" }, "schema.type", "unsupported_parameter"],
    [{ anyOf: [{ type: "string" }, { type: "string", pattern: "x" }] }, "schema.anyOf[1].pattern", "unsupported_parameter"],
    [{ $ref: "#/$defs/a", $defs: { a: { pattern: "x" } } }, "schema.$defs.a.pattern", "unsupported_parameter"],
    [{ $ref: "#/$defs/b", $defs: {} }, "schema.$ref", "invalid_request_error"],
    [{ $ref: "https://example.com/schema" }, "schema.$ref", "invalid_request_error"],
    [{ type: "text" }, "schema.type", "invalid_request_error"],
    [{ type: [] }, "schema.type", "invalid_request_error"],
    [{ type: "string", enum: [1] }, "schema.enum", "invalid_request_error"],
    [{ enum: [{}] }, "schema.enum", "invalid_request_error"],
    [{ enum: Array.from({ length: enum_max + 1 }, (_, index) => index) }, "schema.enum", "invalid_request_error"],
    [{ type: "object", required: ["a"] }, "schema.required", "invalid_request_error"],
    [{ type: "array", maxItems: repetitions_max + 1 }, "schema.maxItems", "invalid_request_error"],
    [{ allOf: [{}, {}] }, "schema.allOf", "invalid_request_error"],
    [{ anyOf: [] }, "schema.anyOf", "invalid_request_error"],
    [{ type: "object", properties: { a: false } }, "schema.properties.a", "invalid_request_error"],
    ["string", "schema", "invalid_request_error"],
  ])("is refused by the place and the keyword that cannot: %#", (schema, param, code) => {
    expect(refusal(schema)).toMatchObject({ status: 400, type: "invalid_request_error", param, code });
  });

  it("is refused when it nests too deeply", () => {
    expect(refusal(nested(depth_max + 1))).toMatchObject({ status: 400, message: expect.stringContaining(`at most ${depth_max} nested`) });
  });

  it("may refer to itself any number of times", () => {
    const tree = { type: "object", properties: { left: { $ref: "#" }, right: { $ref: "#" } } };
    expect(refusal(tree)).toBeUndefined();
  });
});
