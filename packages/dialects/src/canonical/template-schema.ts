type Schema = Readonly<Record<string, unknown>>;

/** Deeper parts of a schema stay as they are. */
const DEPTH_MAX = 64;

const HINTS = ["properties", "items", "additionalProperties", "enum", "description", "anyOf", "oneOf", "allOf"];
const UNIONS = ["anyOf", "oneOf", "allOf"] as const;

/**
 * A tool's parameters as chat templates expect them: many templates read `type` of every node as one word and fail on a list, or on none.
 * Only what a template prints is changed; grammars are built from the caller's own schema. Source: api.md §11.3.
 *
 * @returns the schema itself when there is nothing to change
 */
export function templateSchema(schema: Schema): Schema {
  return normalised(schema, 0);
}

function normalised(node: Schema, depth: number): Schema {
  if (depth > DEPTH_MAX) return node;
  const within = withChildren(node, depth + 1);
  const { type } = within;
  if (typeof type === "string") return within;
  if (type === undefined) return HINTS.some((key) => within[key] !== undefined) ? { ...within, type: impliedType(within) } : within;
  const words: unknown[] = Array.isArray(type) ? type : [];
  const nullable = words.includes("null") && within["nullable"] === undefined ? { nullable: true } : {};
  const word = words.find((one) => typeof one === "string" && one !== "null");
  if (word !== undefined) return { ...within, type: word, ...nullable };
  return { ...within, type: words.includes("null") ? "null" : impliedType(within) };
}

/** Children first, so that a union's type can be told from its members'. */
function withChildren(node: Schema, depth: number): Schema {
  const changed: Record<string, unknown> = {};
  const replace = (key: string, value: unknown, next: unknown) => {
    if (next !== value) changed[key] = next;
  };
  const { properties, items, additionalProperties } = node;
  if (isSchema(properties)) {
    const entries = Object.entries(properties).map(([name, value]) => [name, child(value, depth)] as const);
    if (entries.some(([name, value]) => value !== properties[name])) changed["properties"] = Object.fromEntries(entries);
  }
  replace("items", items, Array.isArray(items) ? eachChild(items, depth) : child(items, depth));
  replace("additionalProperties", additionalProperties, child(additionalProperties, depth));
  for (const key of UNIONS) {
    const members = node[key];
    if (Array.isArray(members)) replace(key, members, eachChild(members, depth));
  }
  return Object.keys(changed).length === 0 ? node : { ...node, ...changed };
}

function eachChild(values: readonly unknown[], depth: number): readonly unknown[] {
  const next = values.map((value) => child(value, depth));
  return next.some((value, index) => value !== values[index]) ? next : values;
}

function child(value: unknown, depth: number): unknown {
  return isSchema(value) ? normalised(value, depth) : value;
}

function impliedType(node: Schema): string {
  if (node["properties"] !== undefined || node["additionalProperties"] !== undefined) return "object";
  if (node["items"] !== undefined) return "array";
  for (const key of UNIONS) {
    const members = node[key];
    if (!Array.isArray(members)) continue;
    const concrete = members.find((member) => isSchema(member) && typeof member["type"] === "string" && member["type"] !== "null");
    if (isSchema(concrete)) return String(concrete["type"]);
  }
  return "string";
}

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
