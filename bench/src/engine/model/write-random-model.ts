import { open, readFile } from "node:fs/promises";
import { float32Value, readEntries, text, textValue, uint32, uint32Value, uint64 } from "./gguf-entries.js";
import { bytesOf, contentsOf, type Tensor, typeOf } from "./random-tensors.js";

/** A llama by its sizes. */
export interface Shape {
  readonly name: string;
  readonly layers: number;
  readonly width: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly hidden: number;
  readonly context_tokens: number;
}

/** That of SmolLM2 135M, about the smallest that anybody serves, without its vocabulary of 49,152: 107 million weights. */
export const SMALL_MODEL: Shape = {
  name: "small-model",
  ...{ layers: 30, width: 576, heads: 9, keyValueHeads: 3, hidden: 1_536, context_tokens: 4_096 },
};

const ALIGNMENT = 32;

/**
 * Writes a model with random weights in Q8_0, which computes what one of its shape computes and says nothing worth reading.
 *
 * @param tokenizerFile a GGUF whose tokenizer and template it gets
 */
export async function writeRandomModel(file: string, shape: Shape, tokenizerFile: string): Promise<void> {
  const given = readEntries(await readFile(tokenizerFile));
  const tokens = given.get("tokenizer.ggml.tokens");
  if (tokens === undefined) throw new Error(`${tokenizerFile} has no tokenizer`);
  // Type of the value, type of its items, how many.
  const tensors = tensorsOf(shape, Number(tokens.readBigUInt64LE(8)));
  const entries = entriesOf(shape, given);
  const parts = [Buffer.from("GGUF"), uint32(3), uint64(tensors.length), uint64(entries.length)];
  for (const [key, value] of entries) parts.push(text(key), value);
  let offset = 0;
  for (const tensor of tensors) {
    const { name, dimensions } = tensor;
    parts.push(text(name), uint32(dimensions.length), ...dimensions.map(uint64), uint32(typeOf(tensor)), uint64(offset));
    // Sizes that are no multiple of the alignment do not occur: every width is one of 32.
    offset += bytesOf(tensor);
  }
  const header = Buffer.concat(parts);
  const handle = await open(file, "w");
  try {
    await handle.writeFile(Buffer.concat([header, Buffer.alloc(-header.length & (ALIGNMENT - 1))]));
    for (const piece of contentsOf(tensors)) await handle.writeFile(piece);
  } finally {
    await handle.close();
  }
}

/** The tokenizer's own entries, and those that say what the model is like. */
function entriesOf(shape: Shape, given: ReadonlyMap<string, Buffer>): [string, Buffer][] {
  const headWidth = shape.width / shape.heads;
  const own: [string, Buffer][] = [
    ["general.architecture", textValue("llama")],
    ["general.name", textValue(shape.name)],
    ["general.file_type", uint32Value(7)],
    ["llama.context_length", uint32Value(shape.context_tokens)],
    ["llama.embedding_length", uint32Value(shape.width)],
    ["llama.block_count", uint32Value(shape.layers)],
    ["llama.feed_forward_length", uint32Value(shape.hidden)],
    ["llama.attention.head_count", uint32Value(shape.heads)],
    ["llama.attention.head_count_kv", uint32Value(shape.keyValueHeads)],
    ["llama.attention.layer_norm_rms_epsilon", float32Value(1e-5)],
    ["llama.rope.dimension_count", uint32Value(headWidth)],
    ["llama.rope.freq_base", float32Value(10_000)],
  ];
  return [...own, ...[...given].filter(([key]) => key.startsWith("tokenizer."))];
}

function tensorsOf({ layers, width, heads, keyValueHeads, hidden }: Shape, vocabulary: number): Tensor[] {
  const keyWidth = (width / heads) * keyValueHeads;
  const tensors: Tensor[] = [{ name: "token_embd.weight", dimensions: [width, vocabulary] }];
  for (let layer = 0; layer < layers; layer++) {
    const add = (name: string, ...dimensions: number[]) => tensors.push({ name: `blk.${layer}.${name}.weight`, dimensions });
    add("attn_norm", width);
    add("attn_q", width, width);
    add("attn_k", width, keyWidth);
    add("attn_v", width, keyWidth);
    add("attn_output", width, width);
    add("ffn_norm", width);
    add("ffn_gate", width, hidden);
    add("ffn_up", width, hidden);
    add("ffn_down", hidden, width);
  }
  return [...tensors, { name: "output_norm.weight", dimensions: [width] }, { name: "output.weight", dimensions: [width, vocabulary] }];
}
