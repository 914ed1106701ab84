import { seededRandom } from "../random.js";

/**
 * Independent sources of chance for one run, so that what one part draws does not move what another draws: the same machines, requests and
 * faults meet every policy.
 */
export function streamOf(seed: number, name: StreamName): () => number {
  return seededRandom(chance32(seed, STREAMS[name], 0));
}

/** A number in [0, 1) that depends on these numbers alone: for chances that must not depend on the order of events. */
export function chance(seed: number, a: number, b: number): number {
  return chance32(seed, a, b) / 2 ** 32;
}

const STREAMS = { fleet: 1, builds: 2, arrivals: 3, faults: 4, dice: 5, consumers: 6 } as const;
export type StreamName = keyof typeof STREAMS;

function chance32(seed: number, a: number, b: number): number {
  let mixed = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(a + 0x7f4a7c15, 0xc2b2ae35) ^ Math.imul(b + 0x165667b1, 0x27d4eb2f);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
