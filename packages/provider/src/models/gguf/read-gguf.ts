import type { ByteSource } from "./byte-source.js";
import { GgufError } from "./gguf-error.js";
import { HeaderReader } from "./header-reader.js";
import { GGUF_LIMITS } from "./limits.js";
import { tensorType } from "./tensor-types.js";

/** A value of the metadata. Long arrays are not kept: of them there is only the length. */
export type MetadataValue = string | number | boolean | readonly MetadataValue[] | { readonly length: number };

export interface TensorInfo {
  readonly name: string;
  readonly elements: number;
  /** As numbered in ggml. */
  readonly type: number;
  /** Undefined for a type of a later version. */
  readonly size_bytes: number | undefined;
}

/** What stands before a GGUF file's weights. */
export interface GgufHeader {
  readonly version: number;
  readonly metadata: ReadonlyMap<string, MetadataValue>;
  readonly tensors: readonly TensorInfo[];
}

const magic = 0x46554747;
/** Version 1 counted in 32 bits and has not been written since 2023. */
const versions: readonly number[] = [2, 3];
const defaultAlignment_bytes = 32;
/** Smallest entry: an empty key's length, a type, one byte; and smallest tensor: a name's length, no dimensions, type, offset. */
const entry_bytes_min = 13;
const tensor_bytes_min = 24;

/**
 * Reads metadata and descriptions of tensors, without the weights (GGUF specification, ggml/docs/gguf.md). Whatever the file claims, at most
 * `GGUF_LIMITS` of it is read and kept.
 *
 * @throws GgufError
 */
export async function readGguf(source: ByteSource): Promise<GgufHeader> {
  const reader = new HeaderReader(source);
  if (source.size_bytes < 4 || (await reader.uint32()) !== magic) throw new GgufError("not_gguf", "the file does not begin as GGUF does");
  const version = await reader.uint32();
  if (!versions.includes(version)) {
    const isBigEndian = version >= 0x1000000;
    throw new GgufError("version_unsupported", isBigEndian ? "the file is for big-endian machines" : `GGUF version ${version} is not read`);
  }
  const tensorCount = await countOf(reader, "tensors", GGUF_LIMITS.tensors_max, tensor_bytes_min);
  const entryCount = await countOf(reader, "metadata entries", GGUF_LIMITS.metadataEntries_max, entry_bytes_min);
  const metadata = await readMetadata(reader, entryCount);
  const placed = await readTensors(reader, tensorCount);
  assertWeightsInside(placed, dataStart(reader.position, metadata), source.size_bytes);
  return { version, metadata, tensors: placed.map(({ offset: _, ...tensor }) => tensor) };
}

async function countOf(reader: HeaderReader, what: string, max: number, each_bytes: number): Promise<number> {
  const count = await reader.uint64();
  if (count > max) throw new GgufError("too_large", `the file claims ${count} ${what}, more than ${max}`);
  if (count * each_bytes > reader.remaining_bytes) throw new GgufError("truncated", `the file is too short for the ${what} it claims`);
  return count;
}

async function readMetadata(reader: HeaderReader, count: number): Promise<Map<string, MetadataValue>> {
  const metadata = new Map<string, MetadataValue>();
  const values = new ValueReader(reader);
  for (let index = 0; index < count; index++) {
    const key = await reader.string(GGUF_LIMITS.key_bytes_max);
    if (metadata.has(key)) throw new GgufError("duplicate", "a key of the metadata stands twice");
    metadata.set(key, await values.read(await reader.uint32(), 0));
  }
  return metadata;
}

/** Types of metadata values, as numbered in the specification. */
const ValueType = { string: 8, array: 9 } as const;
type Scalar = (reader: HeaderReader) => Promise<number | boolean>;
const scalars: ReadonlyMap<number, { readonly bytes: number; readonly read: Scalar }> = new Map<number, { bytes: number; read: Scalar }>([
  [0, { bytes: 1, read: (reader) => reader.uint8() }],
  [1, { bytes: 1, read: (reader) => reader.int8() }],
  [2, { bytes: 2, read: (reader) => reader.uint16() }],
  [3, { bytes: 2, read: (reader) => reader.int16() }],
  [4, { bytes: 4, read: (reader) => reader.uint32() }],
  [5, { bytes: 4, read: (reader) => reader.int32() }],
  [6, { bytes: 4, read: (reader) => reader.float32() }],
  [7, { bytes: 1, read: async (reader) => (await reader.uint8()) !== 0 }],
  [10, { bytes: 8, read: (reader) => reader.uint64() }],
  [11, { bytes: 8, read: (reader) => reader.int64() }],
  [12, { bytes: 8, read: (reader) => reader.float64() }],
]);

class ValueReader {
  readonly #reader: HeaderReader;
  #kept_bytes = 0;
  #kept_items = 0;

  constructor(reader: HeaderReader) {
    this.#reader = reader;
  }

  async read(type: number, depth: number): Promise<MetadataValue> {
    if (type === ValueType.string) return this.#string();
    if (type === ValueType.array) return this.#array(depth);
    const scalar = scalars.get(type);
    if (scalar === undefined) throw new GgufError("malformed", `the metadata has a value of unknown type ${type}`);
    return scalar.read(this.#reader);
  }

  async #string(): Promise<string> {
    const text = await this.#reader.string(GGUF_LIMITS.string_bytes_max);
    this.#kept_bytes += text.length;
    if (this.#kept_bytes > GGUF_LIMITS.keptStrings_bytes_max)
      throw new GgufError("too_large", "the metadata holds more text than any model's");
    return text;
  }

  async #array(depth: number): Promise<MetadataValue> {
    if (depth >= GGUF_LIMITS.arrayDepth_max) throw new GgufError("malformed", "the metadata has lists too deep within lists");
    const type = await this.#reader.uint32();
    const length = await this.#reader.uint64();
    const each_bytes = scalars.get(type)?.bytes ?? (type === ValueType.string ? 8 : type === ValueType.array ? 12 : undefined);
    if (each_bytes === undefined) throw new GgufError("malformed", `the metadata has a list of unknown type ${type}`);
    if (length * each_bytes > this.#reader.remaining_bytes) throw new GgufError("truncated", "the file is too short for a list it claims");
    if (type === ValueType.array || (length <= GGUF_LIMITS.keptArray_items_max && type !== ValueType.string)) {
      this.#kept_items += length;
      if (this.#kept_items > GGUF_LIMITS.keptItems_max) throw new GgufError("too_large", "the metadata holds more lists than any model's");
      const items: MetadataValue[] = [];
      for (let index = 0; index < length; index++) items.push(await this.read(type, depth + 1));
      return items;
    }
    await (type === ValueType.string ? this.#reader.skipStrings(length) : this.#reader.skip(length * each_bytes));
    return { length };
  }
}

interface PlacedTensor extends TensorInfo {
  /** From the start of the weights. */
  readonly offset: number;
}

async function readTensors(reader: HeaderReader, count: number): Promise<PlacedTensor[]> {
  const names = new Set<string>();
  const tensors: PlacedTensor[] = [];
  for (let index = 0; index < count; index++) {
    const name = await reader.string(GGUF_LIMITS.tensorName_bytes_max);
    if (names.has(name)) throw new GgufError("duplicate", "a tensor stands twice");
    names.add(name);
    const elements = await readElements(reader);
    const type = await reader.uint32();
    const { block_elements, block_bytes } = tensorType(type) ?? {};
    const size_bytes =
      block_elements === undefined || block_bytes === undefined ? undefined : Math.ceil(elements / block_elements) * block_bytes;
    tensors.push({ name, elements, type, size_bytes, offset: await reader.uint64() });
  }
  return tensors;
}

async function readElements(reader: HeaderReader): Promise<number> {
  const dimensions = await reader.uint32();
  if (dimensions > GGUF_LIMITS.dimensions_max) throw new GgufError("malformed", `a tensor has ${dimensions} dimensions`);
  let elements = 1;
  for (let index = 0; index < dimensions; index++) elements *= await reader.uint64();
  if (!Number.isSafeInteger(elements)) throw new GgufError("too_large", "a tensor has more elements than any model's");
  return elements;
}

function dataStart(position: number, metadata: ReadonlyMap<string, MetadataValue>): number {
  const alignment = metadata.get("general.alignment") ?? defaultAlignment_bytes;
  const isValid = typeof alignment === "number" && Number.isInteger(alignment) && alignment > 0 && alignment % 8 === 0;
  if (!isValid || alignment > GGUF_LIMITS.alignment_bytes_max) throw new GgufError("malformed", "the weights have no valid alignment");
  return Math.ceil(position / alignment) * alignment;
}

/** A file that was cut short shows here: its last weights would lie beyond its end. */
function assertWeightsInside(tensors: readonly PlacedTensor[], start: number, size_bytes: number): void {
  for (const { offset, size_bytes: tensor_bytes = 0 } of tensors) {
    if (start + offset + tensor_bytes > size_bytes) throw new GgufError("truncated", "the file ends before its weights do");
  }
}
