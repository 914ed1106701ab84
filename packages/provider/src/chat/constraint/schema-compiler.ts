import { integerRange } from "./integer-range.js";
import { type JsonStyle, jsonRules } from "./json-style.js";
import { areDisjoint } from "./one-of.js";
import { literal, type Rules } from "./rules.js";

/** A schema asks for something that a grammar here does not enforce. Nothing is ever ignored but annotations. */
export class UnsupportedSchema extends Error {
  override readonly name = "UnsupportedSchema";
  /** @param keyword of JSON Schema, or the limit that was exceeded */
  constructor(readonly keyword: string) {
    super(`the schema's ${keyword} cannot be enforced`);
  }
}

/** Bounds the grammar that a request can make us build. */
export const schemaLimits = { rules_max: 2000, depth_max: 64, enum_max: 500, repetitions_max: 1000 } as const;

type Schema = Readonly<Record<string, unknown>>;

const annotations: ReadonlySet<string> = new Set(
  "$schema $id $comment $defs definitions title description default examples deprecated readOnly writeOnly".split(" "),
);

const formats: Readonly<Record<string, string>> = {
  date: `[0-9]{4} "-" ("0" [1-9] | "1" [0-2]) "-" ("0" [1-9] | [12] [0-9] | "3" [01])`,
  time: `([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9] ":" [0-5] [0-9] ("." [0-9]{1,6})? ("Z" | [-+] ([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9])`,
  uuid: `[0-9a-f]{8} "-" [0-9a-f]{4} "-" [0-9a-f]{4} "-" [0-9a-f]{4} "-" [0-9a-f]{12}`,
};

/**
 * Compiles JSON Schema to GBNF and returns the name of the rule for it.
 *
 * Understood: `type` (also several), `properties`, `required`, `additionalProperties`, `items`, `minItems`, `maxItems`, `enum`, `const`,
 * `minLength`, `maxLength`, bounds of integers, `format` date, time, date-time and uuid, `anyOf`, `oneOf` of visibly disjoint options, `allOf` of one, `nullable`,
 * and local `$ref`, also to itself. Members come in the order of `properties`; none is written that the schema does not name, unless it names none.
 *
 * @throws UnsupportedSchema for everything else
 */
export function compileSchema(schema: unknown, rules: Rules, style: JsonStyle): string {
  const json = jsonRules(rules, style);
  const references = new Map<string, string>();
  /** References on the way from the last bracket to here: meeting one again would be a rule that begins with itself. */
  let unopened = new Set<string>();
  const bracketed = (open: string, body: string, close: string) => `"${open}" ${style.padding} ${body} ${style.padding} "${close}"`;

  function compile(node: unknown, depth: number): string {
    if (depth > schemaLimits.depth_max) throw new UnsupportedSchema("depth");
    if (rules.count > schemaLimits.rules_max) throw new UnsupportedSchema("size");
    if (node === true) return json.value;
    if (!isSchema(node)) throw new UnsupportedSchema("false");
    const { nullable, ...rest } = node;
    const body = compileNode(rest, depth + 1, nullable === true);
    // A schema that lists its values has to list null too (OpenAPI 3.0.3, "Null").
    return nullable === true && !listsValues(rest) ? rules.add(`${body} | "null"`) : body;
  }

  function compileNode(node: Schema, depth: number, nullable: boolean): string {
    if (node["$ref"] !== undefined) return reference(only(node, "$ref"), depth);
    if (node["const"] !== undefined) return enumeration([only(node, "const", "type")], node["type"], nullable);
    if (node["enum"] !== undefined) return enumeration(only(node, "enum", "type"), node["type"], nullable);
    for (const key of ["anyOf", "oneOf", "allOf"] as const) {
      if (node[key] !== undefined) return alternatives(key, only(node, key), depth);
    }
    const type = node["type"] ?? impliedType(node);
    if (!Array.isArray(type)) return compileType(type, node, depth);
    if (type.length === 0) throw new UnsupportedSchema("type");
    return rules.add(type.map((one) => compileType(one, applicable(node, one), depth)).join(" | "));
  }

  function reference(target: unknown, depth: number): string {
    if (typeof target !== "string" || !(target === "#" || target.startsWith("#/")) || unopened.has(target)) {
      throw new UnsupportedSchema("$ref");
    }
    const known = references.get(target);
    if (known !== undefined) return known;
    const name = rules.reserve();
    references.set(target, name);
    unopened.add(target);
    rules.define(name, compile(resolve(schema, target), depth));
    unopened.delete(target);
    return name;
  }

  function enumeration(values: unknown, type: unknown, nullable: boolean): string {
    if (!Array.isArray(values) || values.length > schemaLimits.enum_max) throw new UnsupportedSchema("enum");
    const possible = values.filter((value) => isOfType(value, type) || (nullable && value === null));
    if (possible.length === 0) throw new UnsupportedSchema("enum");
    return rules.add(possible.map(constant).join(" | "));
  }

  function alternatives(key: string, options: unknown, depth: number): string {
    const usable = Array.isArray(options) && options.length > 0 && (key !== "allOf" || options.length === 1);
    if (!usable || (key === "oneOf" && !areDisjoint(options))) throw new UnsupportedSchema(key);
    return rules.add(options.map((option) => compile(option, depth)).join(" | "));
  }

  function compileType(type: unknown, node: Schema, depth: number): string {
    allowOnly(node, keywordsOf(type));
    switch (type) {
      case "object":
        return inBrackets(() => object(node, depth));
      case "array":
        return inBrackets(() => array(node, depth));
      case "string":
        return string(node);
      case "integer":
        return integer(node);
      case "number":
        return json.number;
      case "boolean":
        return rules.add(`"true" | "false"`);
      case "null":
        return rules.add(`"null"`);
      case undefined:
        return json.value;
      default:
        throw new UnsupportedSchema("type");
    }
  }

  /** Behind an opening bracket a reference may come round again: the rule no longer begins with itself. */
  function inBrackets(body: () => string): string {
    const outside = unopened;
    unopened = new Set();
    const rule = body();
    unopened = outside;
    return rule;
  }

  function object(node: Schema, depth: number): string {
    const properties = node["properties"] ?? {};
    if (!isSchema(properties)) throw new UnsupportedSchema("properties");
    const listed = node["required"] ?? [];
    if (!Array.isArray(listed) || listed.some((name) => typeof name !== "string" || !Object.hasOwn(properties, name))) {
      throw new UnsupportedSchema("required");
    }
    const required = new Set(listed);
    const entries = Object.entries(properties);
    if (entries.length === 0) return openObject(node["additionalProperties"] ?? true, depth);
    return rules.add(bracketed("{", members(entries, required, depth), "}"));
  }

  function openObject(additional: unknown, depth: number): string {
    if (additional === true) return json.object;
    if (additional === false) return rules.add(`"{" ${style.padding} "}"`);
    const member = rules.add(`${json.string} ${style.colon} ${compile(additional, depth)}`);
    return rules.add(bracketed("{", `(${member} (${style.separator} ${member})*)?`, "}"));
  }

  /** Built from the last member to the first: what may follow when a member before it was written, and when none was. */
  function members(entries: [string, unknown][], required: ReadonlySet<unknown>, depth: number): string {
    let afterSome = `""`;
    let afterNone = `""`;
    for (const [name, schemaOfMember] of entries.reverse()) {
      const member = rules.add(`${literal(JSON.stringify(name))} ${style.colon} ${compile(schemaOfMember, depth)}`);
      const skippable = !required.has(name);
      const first = `${member} ${afterSome}`;
      afterNone = rules.add(skippable ? `${first} | ${afterNone}` : first);
      const next = `${style.separator} ${first}`;
      afterSome = rules.add(skippable ? `${next} | ${afterSome}` : next);
    }
    return afterNone;
  }

  function array(node: Schema, depth: number): string {
    const item = node["items"] === undefined ? json.value : compile(node["items"], depth);
    const min = bound(node, "minItems") ?? 0;
    const max = bound(node, "maxItems");
    if (max === 0) return rules.add(`"[" ${style.padding} "]"`);
    const more = repeat(`(${style.separator} ${item})`, Math.max(0, min - 1), max === undefined ? undefined : max - 1);
    const items = `${item} ${more}`;
    return rules.add(bracketed("[", min === 0 ? `(${items})?` : items, "]"));
  }

  function integer(node: Schema): string {
    const min = Math.max(limit(node, "minimum", -Infinity), limit(node, "exclusiveMinimum", -Infinity) + 1);
    const max = Math.min(limit(node, "maximum", Infinity), limit(node, "exclusiveMaximum", Infinity) - 1);
    if (isUnbound(min) && isUnbound(max)) return json.integer;
    const range = integerRange(min, max);
    if (range === undefined) throw new UnsupportedSchema("bounds");
    return rules.add(range);
  }

  function string(node: Schema): string {
    const { format } = node;
    if (format === undefined) {
      const min = bound(node, "minLength") ?? 0;
      return rules.add(`"\\"" ${repeat(json.character, min, bound(node, "maxLength"))} "\\""`);
    }
    allowOnly(node, new Set(["type", "format"]));
    const body = format === "date-time" ? `${formats["date"]} "T" ${formats["time"]}` : formats[String(format)];
    if (body === undefined) throw new UnsupportedSchema("format");
    return rules.add(`"\\"" ${body} "\\""`);
  }

  return compile(schema, 0);
}

const keywords: Readonly<Record<string, ReadonlySet<string>>> = {
  object: new Set(["type", "properties", "required", "additionalProperties"]),
  array: new Set(["type", "items", "minItems", "maxItems"]),
  string: new Set(["type", "minLength", "maxLength", "format"]),
  integer: new Set(["type", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"]),
};

function keywordsOf(type: unknown): ReadonlySet<string> {
  return keywords[String(type)] ?? new Set(["type"]);
}

function impliedType(node: Schema): string | undefined {
  return Object.keys(keywords).find(
    (type) => type !== "integer" && Object.keys(node).some((key) => key !== "type" && keywordsOf(type).has(key)),
  );
}

function allowOnly(node: Schema, allowed: ReadonlySet<string>): void {
  const unknown = Object.keys(node).find((key) => !allowed.has(key) && !annotations.has(key));
  if (unknown !== undefined) throw new UnsupportedSchema(unknown);
}

/** The value of `key`, when nothing else but `beside` and annotations stands next to it. */
function only(node: Schema, key: string, beside = key): unknown {
  allowOnly(node, new Set([key, beside]));
  return node[key];
}

/** The keywords of a node that say something about values of one of its types. Bounds bind every number, so they stay and are refused. */
function applicable(node: Schema, type: unknown): Schema {
  const own = type === "number" ? keywordsOf("integer") : keywordsOf(type);
  const every = new Set(Object.values(keywords).flatMap((set) => [...set]));
  return Object.fromEntries(Object.entries(node).filter(([key]) => own.has(key) || !every.has(key)));
}

function listsValues(node: Schema): boolean {
  return node["const"] !== undefined || node["enum"] !== undefined;
}

/** Whether a value is of one of the types; any value is when none is named. */
function isOfType(value: unknown, type: unknown): boolean {
  if (type === undefined) return true;
  if (Array.isArray(type)) return type.some((one) => isOfType(value, one));
  if (type === "null") return value === null;
  if (type === "integer") return Number.isInteger(value);
  return typeof value === type;
}

function constant(value: unknown): string {
  if (typeof value === "object" && value !== null) throw new UnsupportedSchema("enum");
  return literal(JSON.stringify(value));
}

function bound(node: Schema, key: string): number | undefined {
  const value = node[key];
  if (value === undefined) return undefined;
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > schemaLimits.repetitions_max)
    throw new UnsupportedSchema(key);
  return value;
}

/** The bound of an integer, itself one. */
function limit(node: Schema, key: string, absent: number): number {
  const value = node[key];
  if (value === undefined) return absent;
  if (typeof value !== "number" || !Number.isInteger(value)) throw new UnsupportedSchema(key);
  return value;
}

/** Bounds that every exact integer keeps, as some schema libraries write them for any integer. */
function isUnbound(bound: number): boolean {
  return Math.abs(bound) >= Number.MAX_SAFE_INTEGER;
}

function repeat(body: string, min: number, max: number | undefined): string {
  if (max === undefined && min === 0) return `${body}*`;
  if (max !== undefined && max < min) throw new UnsupportedSchema("bounds");
  if (max === 0) return "";
  return `${body}{${min},${max ?? ""}}`;
}

function resolve(root: unknown, pointer: string): unknown {
  const path = pointer.split("/").slice(1).map(pointerPart);
  let node = root;
  for (const part of path) {
    if (typeof node !== "object" || node === null || !Object.hasOwn(node, part)) throw new UnsupportedSchema("$ref");
    node = Reflect.get(node, part);
  }
  return node;
}

function pointerPart(escaped: string): string {
  try {
    return decodeURIComponent(escaped).replaceAll("~1", "/").replaceAll("~0", "~");
  } catch {
    throw new UnsupportedSchema("$ref");
  }
}

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
