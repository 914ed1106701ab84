// Makes the embedding build from the chat build beside it: the same weights and tokenizer, mean pooling instead of an output table and a
// chat template. Usage, in a built checkout: node models/sprout-embed/make.mjs
// Writes the GGUF file and manifest.json into this folder; the same source always gives the same bytes.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { createManifest } from "@umbel/protocol";

const SOURCE = path.join(import.meta.dirname, "../sprout/sprout-3m-q8_0.gguf");
const ID = "sprout-embed-3m-q8_0";
const VERSION = "1.0.0";
const CREATED_AT = new Date("2026-11-23T03:00:00Z");
const ALIGNMENT = 32;

/** GGUF v3: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md */
const TYPE = { u8: 0, i8: 1, u16: 2, i16: 3, u32: 4, i32: 5, f32: 6, bool: 7, string: 8, array: 9, u64: 10, i64: 11, f64: 12 };
const SIZE = { 0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8 };

/** llama.cpp's number for the mean over all tokens. */
const POOLING_MEAN = 1;

const CHANGED = [
  ["general.name", text("sprout-embed")],
  ["general.basename", text("sprout-embed")],
  ["general.size_label", text("2.7M")],
  ["general.description", text("A tiny embedding model for first steps and tests: the mean of sprout's hidden states.")],
  ["llama.pooling_type", u32(POOLING_MEAN)],
];
const DROPPED_KEYS = new Set(["tokenizer.chat_template", ...CHANGED.map(([key]) => key)]);
/** Only next tokens need it; llama.cpp then takes the embedding table in its place, whose result nobody reads. */
const DROPPED_TENSORS = new Set(["output.weight"]);

const source = read(readFileSync(SOURCE));
const file = write({
  metadata: [...source.metadata.filter(([key]) => !DROPPED_KEYS.has(key)), ...CHANGED],
  tensors: source.tensors.filter(({ name }) => !DROPPED_TENSORS.has(name)),
});
const name = `${ID}.gguf`;
writeFileSync(path.join(import.meta.dirname, name), file);
const sha256 = createHash("sha256").update(file).digest("hex");
const manifest = createManifest({
  modelId: ID,
  version: VERSION,
  files: [{ path: name, size_bytes: file.length, sha256, role: "weight" }],
  createdAt: CREATED_AT,
});
writeFileSync(path.join(import.meta.dirname, "manifest.json"), `${JSON.stringify(manifest, undefined, 2)}\n`);
process.stdout.write(`${name}: ${file.length} bytes, SHA-256 ${sha256}\n`);

/** Metadata as pairs of key and raw value (type included), tensors with their raw bytes. */
function read(bytes) {
  let at = 0;
  const take32 = () => bytes.readUInt32LE((at += 4) - 4);
  const take64 = () => Number(bytes.readBigUInt64LE((at += 8) - 8));
  const takeText = () => {
    const length = take64();
    return bytes.toString("utf8", at, (at += length));
  };
  const skipBytes = (count) => {
    at += count;
  };
  const skip = (type) => {
    if (type === TYPE.string) skipBytes(take64());
    else if (type === TYPE.array) {
      const element = take32();
      const count = take64();
      for (let i = 0; i < count; i++) skip(element);
    } else skipBytes(SIZE[type]);
  };

  if (bytes.toString("latin1", 0, 4) !== "GGUF" || bytes.readUInt32LE(4) !== 3) throw new Error(`${SOURCE} is no GGUF v3`);
  at = 8;
  const tensorCount = take64();
  const metadataCount = take64();
  const metadata = Array.from({ length: metadataCount }, () => {
    const key = takeText();
    const start = at;
    skip(take32());
    return [key, bytes.subarray(start, at)];
  });
  const infos = Array.from({ length: tensorCount }, () => {
    const name = takeText();
    const start = at;
    skipBytes(8 * take32());
    const shapeAndType = bytes.subarray(start, at + 4);
    skipBytes(4);
    return { name, shapeAndType, offset: take64() };
  });
  const data = bytes.subarray(padded(at));
  const ends = infos.map(({ offset }) => offset).sort((a, b) => a - b);
  const tensors = infos.map(({ name, shapeAndType, offset }) => {
    const end = ends.find((other) => other > offset) ?? data.length;
    return { name, shapeAndType, data: data.subarray(offset, end) };
  });
  return { metadata, tensors };
}

function write({ metadata, tensors }) {
  let offset = 0;
  const infos = tensors.map(({ name, shapeAndType, data }) => {
    const info = Buffer.concat([textBytes(name), shapeAndType, number64(offset)]);
    offset += padded(data.length);
    return info;
  });
  const head = Buffer.concat([
    Buffer.from("GGUF"),
    number32(3),
    number64(tensors.length),
    number64(metadata.length),
    ...metadata.flatMap(([key, value]) => [textBytes(key), value]),
    ...infos,
  ]);
  return Buffer.concat([padding(head), ...tensors.map(({ data }) => padding(data))]);
}

function text(value) {
  return Buffer.concat([number32(TYPE.string), textBytes(value)]);
}

function u32(value) {
  return Buffer.concat([number32(TYPE.u32), number32(value)]);
}

function textBytes(value) {
  const bytes = Buffer.from(value, "utf8");
  return Buffer.concat([number64(bytes.length), bytes]);
}

function number32(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function number64(value) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function padded(length) {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT;
}

function padding(bytes) {
  return Buffer.concat([bytes, Buffer.alloc(padded(bytes.length) - bytes.length)]);
}
