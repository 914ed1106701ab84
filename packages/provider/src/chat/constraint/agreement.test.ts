import { ApiError, refuseUnsupportedSchema } from "@umbel/dialects";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { singleLine } from "./json-style.js";
import { createRules } from "./rules.js";
import { compileSchema, UnsupportedSchema } from "./schema-compiler.js";

const scalar = fc.constantFrom<unknown>("a", 1, 1.5, true, null);
const count = fc.constantFrom<unknown>(0, 2, 1000, 1001, -1, "2");
const names = fc.constantFrom("a", "b");

/** Schemas of every keyword that is understood, and of some that are not, right and wrong. */
const { schema } = fc.letrec<{ schema: unknown }>((tie) => ({
  schema: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.record(
      {
        type: fc.constantFrom<unknown>("string", "integer", "number", "boolean", "null", "object", "array", ["string", "null"], [], "text"),
        description: fc.constant("d"),
        nullable: fc.boolean(),
        minLength: count,
        format: fc.constantFrom("date", "email"),
        minimum: fc.constantFrom(0, 0.5, -5),
        pattern: fc.constant("x"),
      },
      { requiredKeys: [] },
    ),
    fc.record(
      { enum: fc.array(scalar, { maxLength: 3 }), type: fc.constantFrom("string", "integer", "number") },
      { requiredKeys: ["enum"] },
    ),
    fc.record({ const: scalar }),
    fc.record({ $ref: fc.constantFrom("#/$defs/a", "#/$defs/b", "#/nowhere", "other") }),
    fc.record({ anyOf: fc.array(tie("schema"), { maxLength: 2 }) }),
    fc.record({ allOf: fc.array(tie("schema"), { maxLength: 2 }) }),
    fc.record({ type: fc.constant("array"), items: tie("schema"), minItems: count, maxItems: count }, { requiredKeys: ["type"] }),
    fc.record(
      {
        type: fc.constant("object"),
        properties: fc.dictionary(names, tie("schema"), { maxKeys: 2 }),
        required: fc.array(names, { maxLength: 2 }),
        additionalProperties: fc.oneof(fc.boolean(), tie("schema")),
      },
      { requiredKeys: ["type", "properties"] },
    ),
    fc.boolean(),
  ),
}));

const whole = fc.record({ root: schema, a: schema, b: schema }).map(({ root, a, b }) => {
  return typeof root === "object" && root !== null ? { ...root, $defs: { a, b } } : root;
});

/** Only a whole grammar shows these; a coordinator leaves them to the provider. */
const BEYOND_KEYWORDS = ["$ref", "bounds", "size"];

describe("what dialects accept in a strict schema", () => {
  it("is what a grammar enforces", () => {
    fc.assert(
      fc.property(whole, (root) => {
        const refused = refusalOf(root);
        const compiled = compilation(root);
        if (compiled === undefined) return;
        if (BEYOND_KEYWORDS.includes(compiled)) return;
        expect(refused, `${compiled} cannot be enforced`).toBeDefined();
      }),
      { numRuns: 2_000 },
    );
  });

  it("is not less than that", () => {
    fc.assert(
      fc.property(whole, (root) => {
        if (compilation(root) === undefined) expect(refusalOf(root)).toBeUndefined();
      }),
      { numRuns: 2_000 },
    );
  });
});

function refusalOf(root: unknown): string | undefined {
  try {
    refuseUnsupportedSchema(root, []);
  } catch (error) {
    if (error instanceof ApiError) return error.message;
    throw error;
  }
  return undefined;
}

/** The keyword that stands in the way of a grammar. */
function compilation(root: unknown): string | undefined {
  try {
    compileSchema(root, createRules(), singleLine);
  } catch (error) {
    if (error instanceof UnsupportedSchema) return error.keyword;
    throw error;
  }
  return undefined;
}
