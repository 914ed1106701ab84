/** Writes GGUF files for tests, sound ones and others. */
type Value = { type: number; value: string | number | boolean } | { type: 9; of: number; items: readonly (string | number | boolean)[] };

interface Tensor {
  readonly name: string;
  readonly dimensions: readonly number[];
  readonly type: number;
}

interface GgufRecipe {
  readonly version?: number;
  readonly metadata?: Readonly<Record<string, Value>>;
  readonly tensors?: readonly Tensor[];
  /** Bytes of weights after the header. */
  readonly data_bytes?: number;
}

export const text = (value: string): Value => ({ type: 8, value });
export const uint32 = (value: number): Value => ({ type: 4, value });
export const uint64 = (value: number): Value => ({ type: 10, value });
export const uint32s = (...items: number[]): Value => ({ type: 9, of: 4, items });
export const booleans = (...items: boolean[]): Value => ({ type: 9, of: 7, items });
export const texts = (...items: string[]): Value => ({ type: 9, of: 8, items });

/** A small llama with grouped attention: 4 layers of 2 heads for keys of 8. */
export const smallLlama: Readonly<Record<string, Value>> = {
  "general.architecture": text("llama"),
  "general.name": text("Small"),
  "general.file_type": uint32(7),
  "llama.context_length": uint32(4096),
  "llama.embedding_length": uint32(64),
  "llama.block_count": uint32(4),
  "llama.attention.head_count": uint32(8),
  "llama.attention.head_count_kv": uint32(2),
  "tokenizer.ggml.tokens": texts("a", "b", "c"),
  "tokenizer.chat_template": text("{% if tools %}{{ tools }}{% endif %}{{ messages[0].content }}"),
};

export function writeGguf({ version = 3, metadata = {}, tensors = [], data_bytes = 0 }: GgufRecipe): Uint8Array {
  const parts: Uint8Array[] = [new TextEncoder().encode("GGUF"), u32(version), u64(tensors.length), u64(Object.keys(metadata).length)];
  for (const [key, value] of Object.entries(metadata)) parts.push(string(key), u32(value.type), valueBytes(value));
  let offset = 0;
  for (const { name, dimensions, type } of tensors) {
    parts.push(string(name), u32(dimensions.length), ...dimensions.map(u64), u32(type), u64(offset));
    offset += 32;
  }
  const header = Buffer.concat(parts);
  const padding = (32 - (header.length % 32)) % 32;
  return Buffer.concat([header, Buffer.alloc(padding + data_bytes)]);
}

function valueBytes(value: Value): Uint8Array {
  if ("items" in value)
    return Buffer.concat([u32(value.of), u64(value.items.length), ...value.items.map((item) => scalar(value.of, item))]);
  return scalar(value.type, value.value);
}

function scalar(type: number, value: string | number | boolean): Uint8Array {
  if (typeof value === "string") return string(value);
  if (type === 7) return Uint8Array.of(Number(value));
  return type === 10 ? u64(Number(value)) : u32(Number(value));
}

function string(value: string): Uint8Array {
  const bytes = new TextEncoder().encode(value);
  return Buffer.concat([u64(bytes.length), bytes]);
}

function u32(value: number): Uint8Array {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value);
  return buffer;
}

function u64(value: number): Uint8Array {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(BigInt(value));
  return buffer;
}
