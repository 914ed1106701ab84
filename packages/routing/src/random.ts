/**
 * A seeded source of numbers in [0, 1) for decisions that can be replayed; not for secrets.
 *
 * xoshiro128** 1.1 by Blackman and Vigna (https://prng.di.unimi.it/xoshiro128starstar.c), its state filled from the seed by SplitMix with
 * MurmurHash3's 32-bit finaliser.
 *
 * @param seed any number; only its lower 32 bits count
 */
export function seededRandom(seed: number): () => number {
  const expand = splitMix32(seed);
  const next = xoshiro128StarStar(expand(), expand(), expand(), expand());
  return () => next() / 2 ** 32;
}

/** Places in a group, one after the other, from one draw. */
export function drawnPlaces(draw: number): (size: number) => number {
  const random = seededRandom(Math.floor(draw * 2 ** 32));
  return (size) => Math.floor(random() * size);
}

/** The generator itself, from a state that is not all zero. Each call gives 32 bits as a non-negative integer. */
export function xoshiro128StarStar(s0: number, s1: number, s2: number, s3: number): () => number {
  let [a, b, c, d] = [s0, s1, s2, s3];
  return () => {
    const result = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotateLeft(d, 11);
    return result;
  };
}

/** A bijection of a counter: neighbouring seeds give unrelated states, and four values in a row are never all zero. */
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
