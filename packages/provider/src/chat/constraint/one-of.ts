/**
 * Whether no value can match two of the options of a `oneOf`, as far as one can see without solving them: a grammar can only say "any of
 * these", so `oneOf` may be compiled only when that means the same. Options are told apart by their types, by the values they list, or by a
 * required member whose listed values differ.
 */
export function areDisjoint(options: readonly unknown[]): boolean {
  return options.every((option, index) => options.slice(index + 1).every((other) => areApart(option, other)));
}

function areApart(a: unknown, b: unknown): boolean {
  if (!isObject(a) || !isObject(b)) return false;
  return shareNone(valuesOf(a), valuesOf(b)) || typesApart(a, b) || membersApart(a, b);
}

function typesApart(a: object, b: object): boolean {
  const types = [typesOf(a), typesOf(b)] as const;
  return shareNone(...types);
}

/** Types as a list; an integer is a number too. */
function typesOf(schema: object): readonly unknown[] | undefined {
  const type = "type" in schema ? schema.type : undefined;
  if (type === undefined) return undefined;
  const list: readonly unknown[] = Array.isArray(type) ? type : [type];
  const named = list.map((one) => (one === "integer" ? "number" : one));
  return "nullable" in schema && schema.nullable === true ? [...named, "null"] : named;
}

/** The values that a schema lists, as JSON text; undefined when it lists none. */
function valuesOf(schema: object): readonly string[] | undefined {
  if ("const" in schema) return [JSON.stringify(schema.const)];
  if ("enum" in schema && Array.isArray(schema.enum)) return schema.enum.map((value) => JSON.stringify(value));
  return undefined;
}

function membersApart(a: object, b: object): boolean {
  return requiredOf(a).some((name) => requiredOf(b).includes(name) && shareNone(memberValues(a, name), memberValues(b, name)));
}

function requiredOf(schema: object): readonly unknown[] {
  return "required" in schema && Array.isArray(schema.required) ? schema.required : [];
}

function memberValues(schema: object, name: unknown): readonly string[] | undefined {
  const properties = "properties" in schema ? schema.properties : undefined;
  if (typeof name !== "string" || !isObject(properties) || !Object.hasOwn(properties, name)) return undefined;
  const member: unknown = Reflect.get(properties, name);
  return isObject(member) ? valuesOf(member) : undefined;
}

function shareNone(a: readonly unknown[] | undefined, b: readonly unknown[] | undefined): boolean {
  return a !== undefined && b !== undefined && !a.some((value) => b.includes(value));
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
