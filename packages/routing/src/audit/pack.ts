/** What packed values are made of. Equal texts come once, and the names of fields once for each shape of object. */
export interface Packed {
  readonly strings: readonly string[];
  readonly shapes: readonly (readonly string[])[];
  readonly root: unknown;
}

/** First element of a packed array: what the rest of it is. */
const TAG = { object: 0, map: 1, set: 2, list: 3, number: 4 } as const;

/**
 * Plain data as small JSON: objects, maps, sets, lists, texts, numbers and booleans. Equal data packs equally: fields, keys of maps and members
 * of sets come in order. Fields that are `undefined` are left out.
 */
export function pack(value: unknown): Packed {
  const strings = new Map<string, number>();
  const shapes = new Map<string, number>();
  const indexIn = (table: Map<string, number>, key: string): number => {
    const known = table.get(key);
    if (known !== undefined) return known;
    table.set(key, table.size);
    return table.size - 1;
  };
  const text = (value: string): string => indexIn(strings, value).toString(36);

  const packed = (value: unknown): unknown => {
    if (typeof value === "string") return text(value);
    if (typeof value === "number") return Number.isFinite(value) ? value : [TAG.number, text(String(value))];
    if (typeof value === "boolean" || value === null) return value;
    if (Array.isArray(value)) return [TAG.list, ...value.map(packed)];
    if (value instanceof Map) return [TAG.map, ...[...value].sort(byKey).flatMap(([key, member]) => [text(String(key)), packed(member)])];
    if (value instanceof Set) return [TAG.set, ...[...value].map(String).sort().map(text)];
    if (typeof value !== "object") throw new TypeError(`a ${typeof value} cannot be packed`);
    const fields = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(byKey);
    const shape = indexIn(shapes, JSON.stringify(fields.map(([name]) => name)));
    return [TAG.object, shape, ...fields.map(([, member]) => packed(member))];
  };

  const root = packed(value);
  return { strings: [...strings.keys()], shapes: [...shapes.keys()].map((names) => JSON.parse(names) as string[]), root };
}

/** @throws TypeError for what `pack` has not made */
export function unpack({ strings, shapes, root }: Packed): unknown {
  const text = (value: unknown): string => {
    const string = typeof value === "string" ? strings[Number.parseInt(value, 36)] : undefined;
    if (string === undefined) throw new TypeError("a text is missing from the packed data");
    return string;
  };

  const unpacked = (value: unknown): unknown => {
    if (typeof value === "string") return text(value);
    if (!Array.isArray(value)) return value;
    const [tag, ...rest] = value as unknown[];
    switch (tag) {
      case TAG.number:
        return Number(text(rest[0]));
      case TAG.list:
        return rest.map(unpacked);
      case TAG.set:
        return new Set(rest.map(text));
      case TAG.map:
        return new Map(pairs(rest).map(([key, member]) => [text(key), unpacked(member)]));
      case TAG.object: {
        const names = shapes[Number(rest[0])];
        if (names === undefined) throw new TypeError("a shape is missing from the packed data");
        return Object.fromEntries(names.map((name, index) => [name, unpacked(rest[index + 1])]));
      }
      default:
        throw new TypeError("the packed data has an unknown tag");
    }
  };

  return unpacked(root);
}

function pairs(list: readonly unknown[]): [unknown, unknown][] {
  return Array.from({ length: list.length / 2 }, (_, index) => [list[2 * index], list[2 * index + 1]]);
}

function byKey([one]: [unknown, unknown], [other]: [unknown, unknown]): number {
  const [a, b] = [String(one), String(other)];
  return a < b ? -1 : a > b ? 1 : 0;
}
