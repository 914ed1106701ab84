import { describe, expect, it } from "vitest";
import { forEachBatch } from "./event-batches.js";

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

async function* turns(...groups: readonly number[][]): AsyncGenerator<number> {
  for (const group of groups) {
    yield* group;
    await nextTurn();
  }
}

async function batchesOf(source: AsyncIterable<number>, size_max = 100): Promise<number[][]> {
  const batches: number[][] = [];
  await forEachBatch(source, size_max, async (batch) => {
    batches.push([...batch]);
  });
  return batches;
}

describe("batches", () => {
  it("hold what comes in one turn, and nothing waits for the next", async () => {
    expect(await batchesOf(turns([1, 2, 3], [4], [5, 6]))).toEqual([[1, 2, 3], [4], [5, 6]]);
  });

  it("never grow above their size", async () => {
    expect(await batchesOf(turns([1, 2, 3, 4, 5]), 2)).toEqual([[1, 2], [3, 4], [5]]);
  });

  it("are written one after another, and gather meanwhile up to their size", async () => {
    let writing = 0;
    const batches: (readonly number[])[] = [];
    await forEachBatch(turns([1], [2], [3], [4], [5], [6], [7]), 3, async (batch) => {
      expect(++writing).toBe(1);
      batches.push(batch);
      for (let i = 0; i < 10; i++) await nextTurn();
      writing--;
    });
    expect(batches.flat()).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(batches[1]).toEqual([2, 3, 4]);
  });

  it("are all written before a failure of the source is reported", async () => {
    const written: number[] = [];
    async function* failing(): AsyncGenerator<number> {
      yield 1;
      throw new Error("broken");
    }
    const done = forEachBatch(failing(), 10, async (batch) => {
      written.push(...batch);
    });
    await expect(done).rejects.toThrow("broken");
    expect(written).toEqual([1]);
  });

  it("stop the source when one cannot be written", async () => {
    let isReturned = false;
    async function* endless(): AsyncGenerator<number> {
      try {
        for (let i = 0; ; i++) {
          yield i;
          await nextTurn();
        }
      } finally {
        isReturned = true;
      }
    }
    await expect(forEachBatch(endless(), 10, () => Promise.reject(new Error("no room")))).rejects.toThrow("no room");
    expect(isReturned).toBe(true);
  });

  it("are none for a source that ends at once", async () => {
    expect(await batchesOf(turns())).toEqual([]);
  });
});
