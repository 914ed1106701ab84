import { createCipheriv } from "node:crypto";

/** Width and height, the former first, as GGUF has them; vectors are norms. */
export interface Tensor {
  readonly name: string;
  readonly dimensions: readonly number[];
}

/** As numbered in ggml. */
const [F32, Q8_0] = [0, 8];
const BLOCK_ELEMENTS = 32;
const BLOCK_BYTES = 34;
const BLOCKS_AT_ONCE = 65_536;
/** Of bytes that are all equally likely, read as -128 to 127. */
const BYTE_DEVIATION = 73.9;

export function typeOf({ dimensions }: Tensor): number {
  return dimensions.length === 1 ? F32 : Q8_0;
}

export function bytesOf(tensor: Tensor): number {
  const elements = tensor.dimensions.reduce((product, size) => product * size, 1);
  return typeOf(tensor) === F32 ? elements * 4 : (elements / BLOCK_ELEMENTS) * BLOCK_BYTES;
}

/** Random weights, the same in every run, in pieces: norms of one, and matrices that leave a vector as long as it was. */
export function* contentsOf(tensors: readonly Tensor[]): Generator<Buffer> {
  const random = createCipheriv("aes-128-ctr", Buffer.alloc(16, 1), Buffer.alloc(16));
  const zeros = Buffer.alloc(BLOCKS_AT_ONCE * BLOCK_BYTES);
  for (const tensor of tensors) {
    if (typeOf(tensor) === F32) {
      yield Buffer.from(new Float32Array(bytesOf(tensor) / 4).fill(1).buffer);
      continue;
    }
    const scale = float16(1 / (BYTE_DEVIATION * Math.sqrt(tensor.dimensions[0] ?? 1)));
    for (let left = bytesOf(tensor); left > 0; left -= zeros.length) {
      const piece = random.update(zeros.subarray(0, Math.min(left, zeros.length)));
      for (let at = 0; at < piece.length; at += BLOCK_BYTES) piece.writeUInt16LE(scale, at);
      yield piece;
    }
  }
}

/** Of a positive number between 2^-14 and 1. */
function float16(value: number): number {
  const exponent = Math.floor(Math.log2(value));
  const fraction = Math.round((value / 2 ** exponent - 1) * 1024);
  return ((exponent + 15) << 10) + fraction;
}
