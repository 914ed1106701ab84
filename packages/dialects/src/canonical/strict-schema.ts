import { type ParameterPath, parameterError } from "../request-body.js";

/** Bounds of a schema that is to be enforced. */
export const STRICT_SCHEMA_LIMITS = { depth_max: 64, enum_max: 500, repetitions_max: 1000 } as const;

/** Say something about a value without restricting it. */
const ANNOTATIONS: ReadonlySet<string> = new Set([
  ...["$schema", "$id", "$comment", "$defs", "definitions", "title", "description", "default", "examples"],
  ...["deprecated", "readOnly", "writeOnly", "nullable"],
]);

const KEYWORDS: Readonly<Record<string, readonly string[]>> = {
  object: ["properties", "required", "additionalProperties"],
  array: ["items", "minItems", "maxItems"],
  string: ["minLength", "maxLength", "format"],
  integer: ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"],
  number: [],
  boolean: [],
  null: [],
};

const FORMATS = ["date", "time", "date-time", "uuid"];
const COUNTS = ["minItems", "maxItems", "minLength", "maxLength"];
const BOUNDS = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"];
const COMBINATIONS = ["anyOf", "oneOf", "allOf"] as const;

/**
 * Refuses a schema that an answer cannot be held to, before any provider is asked: a strict schema promises that every answer matches,
 * and a keyword that were ignored would break that promise in silence. A provider, which turns the schema into a grammar, may still refuse
 * what only shows there (a reference that leads to itself, alternatives that overlap).
 *
 * @param path of the schema in the request's body
 * @throws ApiError 400 that names the keyword and where it stands
 */
export function refuseUnsupportedSchema(schema: unknown, path: ParameterPath): void {
  checkNode(schema, { root: schema, rootPath: path, followed: new Set() }, path, 0);
}

type Node = Readonly<Record<string, unknown>>;

interface Check {
  readonly root: unknown;
  readonly rootPath: ParameterPath;
  /** References that were looked at, or are being looked at. */
  readonly followed: Set<string>;
}

function checkNode(node: unknown, check: Check, path: ParameterPath, depth: number): void {
  const { depth_max } = STRICT_SCHEMA_LIMITS;
  if (depth > depth_max) throw parameterError(path, `: expected a strict schema of at most ${depth_max} nested levels`);
  if (node === true) return;
  if (!isNode(node)) throw parameterError(path, ": expected a schema that some value can match");
  const combination = COMBINATIONS.find((key) => node[key] !== undefined);
  if (node["$ref"] !== undefined) checkReference(node, check, path, depth);
  else if (node["const"] !== undefined) checkValues(node, "const", [node["const"]], path);
  else if (node["enum"] !== undefined) checkValues(node, "enum", node["enum"], path);
  else if (combination !== undefined) checkCombination(node, combination, check, path, depth);
  else checkPlain(node, check, path, depth);
}

function checkReference(node: Node, check: Check, path: ParameterPath, depth: number): void {
  allowOnly(node, ["$ref"], path);
  const reference = node["$ref"];
  if (typeof reference !== "string" || !(reference === "#" || reference.startsWith("#/"))) {
    throw parameterError([...path, "$ref"], ": expected a reference into the same schema (#/…)");
  }
  if (check.followed.has(reference)) return;
  check.followed.add(reference);
  const keys = reference.split("/").slice(1).map(unescapePointer);
  let target = check.root;
  for (const key of keys) {
    if (typeof target !== "object" || target === null || !Object.hasOwn(target, key)) {
      throw parameterError([...path, "$ref"], ": expected a reference to something in the schema");
    }
    target = Reflect.get(target, key);
  }
  checkNode(target, check, [...check.rootPath, ...keys], depth + 1);
}

function checkValues(node: Node, key: "const" | "enum", values: unknown, path: ParameterPath): void {
  allowOnly(node, [key, "type"], path);
  const { enum_max } = STRICT_SCHEMA_LIMITS;
  if (!Array.isArray(values) || values.length === 0 || values.length > enum_max) {
    throw parameterError([...path, key], `: expected 1 to ${enum_max} values`);
  }
  if (values.some((value) => typeof value === "object" && value !== null)) {
    throw parameterError([...path, key], ": expected strings, numbers, booleans or null in a strict schema");
  }
  const { type } = node;
  const types: readonly unknown[] | undefined = type === undefined ? undefined : Array.isArray(type) ? type : [type];
  const matches = (value: unknown) => (node["nullable"] === true && value === null) || types === undefined || types.includes(typeOf(value));
  const matchesNumber = (value: unknown) => Number.isInteger(value) && types?.includes("integer") === true;
  if (!values.some((value) => matches(value) || matchesNumber(value))) {
    throw parameterError([...path, key], ": expected a value of the schema's own type");
  }
}

function checkCombination(node: Node, key: (typeof COMBINATIONS)[number], check: Check, path: ParameterPath, depth: number): void {
  allowOnly(node, [key], path);
  const options = node[key];
  if (!Array.isArray(options) || options.length === 0) throw parameterError([...path, key], ": expected at least 1 item");
  if (key === "allOf" && options.length > 1) throw parameterError([...path, key], ": expected 1 item in a strict schema");
  for (const [index, option] of options.entries()) checkNode(option, check, [...path, key, index], depth + 1);
}

function checkPlain(node: Node, check: Check, path: ParameterPath, depth: number): void {
  const types = typesOf(node, path);
  allowOnly(node, ["type", ...keywordsOf(types, Array.isArray(node["type"]))], path);
  if (types.includes("object")) checkObject(node, check, path, depth);
  if (types.includes("array") && node["items"] !== undefined) checkNode(node["items"], check, [...path, "items"], depth + 1);
  if (types.includes("string")) checkFormat(node, path);
  const own = types.flatMap((type) => KEYWORDS[type] ?? []);
  for (const key of own.filter((keyword) => COUNTS.includes(keyword))) checkCount(node, key, path);
  for (const key of own.filter((keyword) => BOUNDS.includes(keyword))) checkBound(node, key, path);
}

function checkFormat(node: Node, path: ParameterPath): void {
  const { format } = node;
  if (format === undefined) return;
  if (!FORMATS.includes(String(format))) throw unsupported([...path, "format"], ` other than ${FORMATS.join(", ")}`);
  const beside = ["minLength", "maxLength"].find((key) => node[key] !== undefined);
  if (beside !== undefined) throw unsupported([...path, beside], " beside format");
}

/** In a list of types, a keyword of another type says nothing; but bounds bind every number, and only those of integers can be enforced. */
function keywordsOf(types: readonly string[], areListed: boolean): readonly string[] {
  const allowed = (areListed ? Object.keys(KEYWORDS) : types).flatMap((type) => KEYWORDS[type] ?? []);
  return types.includes("number") ? allowed.filter((keyword) => !BOUNDS.includes(keyword)) : allowed;
}

function checkObject(node: Node, check: Check, path: ParameterPath, depth: number): void {
  const properties = node["properties"] ?? {};
  if (!isNode(properties)) throw parameterError([...path, "properties"], ": expected an object");
  const required = node["required"] ?? [];
  if (!Array.isArray(required) || !required.every((name) => typeof name === "string" && Object.hasOwn(properties, name))) {
    throw parameterError([...path, "required"], ": expected names of the schema's own properties");
  }
  const named = Object.entries(properties);
  for (const [name, property] of named) checkNode(property, check, [...path, "properties", name], depth + 1);
  const additional = node["additionalProperties"];
  // Beside named properties, others are never written.
  if (additional === undefined || typeof additional === "boolean" || named.length > 0) return;
  checkNode(additional, check, [...path, "additionalProperties"], depth + 1);
}

function checkCount(node: Node, key: string, path: ParameterPath): void {
  const value = node[key];
  const { repetitions_max } = STRICT_SCHEMA_LIMITS;
  if (value === undefined || (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= repetitions_max)) return;
  throw parameterError([...path, key], `: expected an integer from 0 to ${repetitions_max} in a strict schema`);
}

function checkBound(node: Node, key: string, path: ParameterPath): void {
  if (node[key] === undefined || Number.isInteger(node[key])) return;
  throw parameterError([...path, key], ": expected an integer");
}

/** The types that a node names; without a name, the one whose keywords it uses, or none. */
function typesOf(node: Node, path: ParameterPath): readonly string[] {
  const { type } = node;
  if (type === undefined) {
    const implied = Object.keys(KEYWORDS).find(
      (name) => name !== "integer" && KEYWORDS[name]?.some((keyword) => node[keyword] !== undefined),
    );
    return implied === undefined ? [] : [implied];
  }
  const named: readonly unknown[] = Array.isArray(type) ? type : [type];
  if (named.length === 0 || !named.every((name) => typeof name === "string" && Object.hasOwn(KEYWORDS, name))) {
    throw parameterError([...path, "type"], `: expected ${Object.keys(KEYWORDS).join(", ")} or several of them`);
  }
  return named.map(String);
}

function allowOnly(node: Node, allowed: readonly string[], path: ParameterPath): void {
  const other = Object.keys(node).find((key) => !allowed.includes(key) && !ANNOTATIONS.has(key));
  if (other !== undefined) throw unsupported([...path, other], " in a strict schema");
}

function unsupported(path: ParameterPath, where: string) {
  return parameterError(path, ` is not supported${where}`, "unsupported_parameter");
}

function typeOf(value: unknown): string {
  return value === null ? "null" : typeof value;
}

function unescapePointer(escaped: string): string {
  return percentDecoded(escaped).replaceAll("~1", "/").replaceAll("~0", "~");
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
