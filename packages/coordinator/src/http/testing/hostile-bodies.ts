import fc from "fast-check";

/** Text that must appear in no log: every string of a generated body holds it. */
export const CANARY = "canary-9f3c1e";

/** Bodies of one surface that are valid, each with other parameters. */
export type ValidBodies = fc.Arbitrary<Readonly<Record<string, unknown>>>;

const said = fc.constantFrom(CANARY, `${CANARY} hello`, `${CANARY} \u0000 \ud83c\udf31 <|im_end|>`, `${CANARY}${"x".repeat(2_000)}`);

const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(null, true, false, 0, -1, 1, 0.5, -0, 2 ** 53, -(2 ** 53), 1e21, 1e300, 5e-324, "", " ", [], {}, [[]], [null]),
  fc.constantFrom<unknown>(
    `${CANARY}\ud800`,
    `${CANARY}\u2028`,
    "__proto__",
    "constructor",
    "http://127.0.0.1/",
    "data:image/png;base64,AAAA",
  ),
  said,
  fc.jsonValue({ maxDepth: 3 }),
  fc.constant({ type: "text" }),
  fc.constant({ type: "function", function: { name: CANARY, parameters: { $ref: "#" } } }),
  fc.constant({ ["__proto__"]: { polluted: true }, constructor: { prototype: { polluted: true } } }),
  fc.integer({ min: 1, max: 600 }).map((depth) => nested(depth)),
);

function nested(depth: number): unknown {
  let value: unknown = CANARY;
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

/** Turns a valid body into its neighbours: one to three places hold something else, are gone, or are doubled. */
function neighbours(bodies: ValidBodies): fc.Arbitrary<unknown> {
  const change = fc.record({ at: fc.nat(), how: fc.constantFrom("replace", "remove", "add"), value: hostileValue });
  return fc.tuple(bodies, fc.array(change, { minLength: 1, maxLength: 3 })).map(([body, changes]) => {
    const copy: unknown = structuredClone(body);
    for (const { at, how, value } of changes) {
      const places = placesIn(copy);
      const place = places[at % places.length];
      if (place === undefined) continue;
      const { holder, key } = place;
      if (how === "replace") Reflect.set(holder, key, structuredClone(value));
      else if (how === "remove") Reflect.deleteProperty(holder, key);
      else Reflect.set(holder, `${key}_${CANARY}`, structuredClone(value));
    }
    return copy;
  });
}

function placesIn(value: unknown): { readonly holder: object; readonly key: string }[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.keys(value).flatMap((key) => [{ holder: value, key }, ...placesIn(Reflect.get(value, key))]);
}

/** What no serializer writes: half texts, doubled keys, numbers beyond numbers, bytes that are no text, pollution by name. */
function brokenTexts(bodies: ValidBodies): fc.Arbitrary<Uint8Array> {
  const insert = fc.constantFrom(
    '"model":1,"model":2,',
    '"__proto__":{"polluted":true},',
    '"constructor":{"prototype":{"polluted":true}},',
    '"max_tokens":1e999,',
    '"n":123456789012345678901234567890,',
    '"temperature":-1e-999,',
    '"stop":"\\ud800",',
    `"${CANARY}":`,
    "\u0000",
  );
  const text = bodies.map((body) => JSON.stringify(body));
  return fc.oneof(
    fc.tuple(text, insert).map(([body, part]) => bytes(`{${part}${body.slice(1)}`)),
    fc.tuple(text, fc.nat()).map(([body, at]) => bytes(body.slice(0, at % body.length))),
    fc.tuple(text, fc.nat(), fc.nat({ max: 255 })).map(([body, at, byte]) => {
      const encoded = bytes(body);
      encoded[at % encoded.length] = byte;
      return encoded;
    }),
    fc.tuple(text, fc.nat()).map(([body, at]) => withBadUtf8(bytes(body), at)),
    fc.integer({ min: 500, max: 100_000 }).map((depth) => bytes("[".repeat(depth))),
    fc.integer({ min: 500, max: 50_000 }).map((depth) => bytes('{"a":'.repeat(depth))),
    fc.uint8Array({ maxLength: 200 }),
    fc.constantFrom("", "null", "[]", '"text"', "0", "{}", "{", "\ufeff{}").map(bytes),
  );
}

function withBadUtf8(encoded: Uint8Array, at: number): Uint8Array {
  const index = at % encoded.length;
  return Uint8Array.from([...encoded.subarray(0, index), 0xc3, 0x28, 0xff, ...encoded.subarray(index)]);
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Bodies as they might come to one surface: one in five valid, which are run and cost the most, the rest nearly so or hostile. */
export function bodiesOf(valid: ValidBodies): fc.Arbitrary<Uint8Array> {
  const encode = (value: unknown) => bytes(JSON.stringify(value) ?? "null");
  return fc.oneof(
    { weight: 1, arbitrary: valid.map(encode) },
    { weight: 2, arbitrary: neighbours(valid).map(encode) },
    { weight: 2, arbitrary: brokenTexts(valid) },
  );
}
