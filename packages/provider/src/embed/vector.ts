import { toBase64 } from "@umbel/protocol";
import { unitVector } from "../engine/unit-vector.js";

/** The first `size` values of a vector, of length 1 again; undefined when they are all zero. */
export function shortened(vector: Float32Array, size: number): Float32Array | undefined {
  return size === vector.length ? vector : unitVector(vector.subarray(0, size));
}

/** Base64 of little-endian 32-bit floats, on any machine. */
export function vectorBase64(vector: Float32Array): string {
  const bytes = new DataView(new ArrayBuffer(vector.length * Float32Array.BYTES_PER_ELEMENT));
  for (const [i, value] of vector.entries()) bytes.setFloat32(i * Float32Array.BYTES_PER_ELEMENT, value, true);
  return toBase64(new Uint8Array(bytes.buffer));
}
