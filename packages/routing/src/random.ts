/**
 * A seeded source of numbers in [0, 1) for decisions that can be replayed; not for secrets.
 *
 * xoshiro128** 1.1 by Blackman and Vigna, its state filled by SplitMix32 from the seed (https://prng.di.unimi.it).
 *
 * @param seed any number; only its lower 32 bits count
 */
export function seededRandom(seed: number): () => number {
  const next = splitMix32(seed);
  let a = next();
  let b = next();
  let c = next();
  let d = next();
  return () => {
    const result = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotateLeft(d, 11);
    return result / 2 ** 32;
  };
}

/** SplitMix with the 32-bit finaliser of MurmurHash3: neighbouring seeds give unrelated states, and never four zeros in a row. */
function splitMix32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return mixed ^ (mixed >>> 16);
  };
}

function rotateLeft(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}
