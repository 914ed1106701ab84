/** Sizes of the scalar types of GGUF metadata, by their number (ggml/docs/gguf.md). */
const SCALAR_BYTES: Readonly<Record<number, number>> = { 0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8 };
const [STRING, ARRAY, UINT32, FLOAT32] = [8, 9, 4, 6];
const FIRST_ENTRY_BYTES = 24;

/** The metadata of one of our own GGUF files, each value as its bytes with its type, in order. */
export function readEntries(file: Buffer): Map<string, Buffer> {
  let at = FIRST_ENTRY_BYTES;
  const uint32 = (): number => {
    at += 4;
    return file.readUInt32LE(at - 4);
  };
  const uint64 = (): number => {
    at += 8;
    return Number(file.readBigUInt64LE(at - 8));
  };
  const skip = (type: number): void => {
    if (type === STRING) {
      const length = uint64();
      at += length;
      return;
    }
    if (type !== ARRAY) {
      at += SCALAR_BYTES[type] ?? Number.NaN;
      return;
    }
    const of = uint32();
    for (let left = uint64(); left > 0; left--) skip(of);
  };
  const entries = new Map<string, Buffer>();
  for (let left = Number(file.readBigUInt64LE(16)); left > 0; left--) {
    const length = uint64();
    const key = file.toString("utf8", at, at + length);
    at += length;
    const begin = at;
    skip(uint32());
    entries.set(key, file.subarray(begin, at));
  }
  return entries;
}

export function uint32Value(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(UINT32);
  bytes.writeUInt32LE(value, 4);
  return bytes;
}

export function float32Value(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(FLOAT32);
  bytes.writeFloatLE(value, 4);
  return bytes;
}

export function textValue(value: string): Buffer {
  const type = Buffer.alloc(4);
  type.writeUInt32LE(STRING);
  return Buffer.concat([type, text(value)]);
}

export function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([uint64(bytes.length), bytes]);
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

export function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}
