import { describe, expect, it } from "vitest";
import { createSequencePool, reusedPrefix_tokens_min } from "./sequence-pool.js";

const tokens = (length: number, first = 1): Uint32Array => Uint32Array.from({ length }, (_, i) => first + i);

describe("sequences", () => {
  it("are taken from the first on, so that those in use lie side by side", () => {
    const pool = createSequencePool(4);
    const taken = Array.from({ length: 4 }, () => pool.take(tokens(1), undefined));
    expect(taken.map((sequence) => sequence?.index)).toEqual([0, 1, 2, 3]);
    expect(pool.take(tokens(1), undefined)).toBeUndefined();
    for (const at of [3, 1, 2]) {
      const sequence = taken[at];
      if (sequence !== undefined) pool.release(sequence);
    }
    expect(pool.take(tokens(1), undefined)?.index).toBe(1);
    expect(pool.free).toBe(2);
  });

  it("are chosen by the longest common beginning within one scope; without one, what is remembered is kept as long as there is an empty one", () => {
    const pool = createSequencePool(3);
    const remember = (length: number, scope: string) => {
      const sequence = pool.take(tokens(length, 1000), scope);
      if (sequence === undefined) throw new Error("none is free");
      sequence.cached = tokens(length);
      sequence.scope = scope;
      pool.release(sequence);
      return sequence.index;
    };
    const short = remember(reusedPrefix_tokens_min, "ada");
    const long = remember(reusedPrefix_tokens_min * 2, "ada");
    expect(pool.take(tokens(100), "bob")?.index).toBe(2);
    expect(pool.take(tokens(100), "ada")?.index).toBe(long);
    // Only the other one is left, whatever is in it.
    expect(pool.take(tokens(100), "bob")?.index).toBe(short);
  });

  it("that were remembered longest ago are overwritten first", () => {
    const pool = createSequencePool(2);
    const both = [pool.take(tokens(1), "ada"), pool.take(tokens(1), "ada")];
    for (const sequence of both.toReversed()) {
      if (sequence === undefined) continue;
      sequence.cached = tokens(5);
      sequence.scope = "ada";
      pool.release(sequence);
    }
    expect(pool.take(tokens(100, 500), "bob")?.index).toBe(1);
  });
});
