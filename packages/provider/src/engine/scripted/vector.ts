import { unitVector } from "../unit-vector.js";
import { generator } from "./generator.js";

export const scriptedVectorSize = 64;
/** Any part of a random direction is one: shorter vectors are as good. */
export const scriptedVectorSize_min = 8;

/** A direction that follows from the tokens alone; different tokens point elsewhere, whatever they mean. */
export function scriptedVector(tokens: Int32Array): Float32Array {
  const draw = generator(hash(tokens));
  const values = Array.from({ length: scriptedVectorSize }, () => draw() - 0.5);
  return unitVector(values) ?? Float32Array.from(values, (_, i) => (i === 0 ? 1 : 0));
}

/** FNV-1a over whole tokens. */
function hash(tokens: Int32Array): number {
  let state = 0x811c9dc5;
  for (const token of tokens) state = Math.imul(state ^ token, 0x01000193);
  return state >>> 0;
}
