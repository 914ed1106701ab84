import { createFakeClock } from "@umbel/protocol/testing";
import { describe, expect, it } from "vitest";
import { Departures } from "./departures.js";
import { forEachBatch } from "./event-batches.js";

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

async function* turns(...groups: readonly number[][]): AsyncGenerator<number> {
  for (const group of groups) {
    yield* group;
    await nextTurn();
  }
}

const withGap = (size_max: number, gap_ms: number, clock = createFakeClock(), departures = new Departures(clock)) => ({
  ...{ size_max, gap_ms, clock, departures },
});
const atOnce = (size_max: number) => withGap(size_max, 0);

/** Items that come when they are put. */
function handFed() {
  let put: (item: number | undefined) => void = () => undefined;
  async function* items(): AsyncGenerator<number> {
    for (;;) {
      const item = await new Promise<number | undefined>((resolve) => {
        put = resolve;
      });
      if (item === undefined) return;
      yield item;
    }
  }
  return { items: items(), put: (item: number | undefined) => put(item) };
}

async function batchesOf(source: AsyncIterable<number>, size_max = 100): Promise<number[][]> {
  const batches: number[][] = [];
  await forEachBatch(source, atOnce(size_max), async (batch) => {
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
    await forEachBatch(turns([1], [2], [3], [4], [5], [6], [7]), atOnce(3), async (batch) => {
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
    const done = forEachBatch(failing(), atOnce(10), async (batch) => {
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
    await expect(forEachBatch(endless(), atOnce(10), () => Promise.reject(new Error("no room")))).rejects.toThrow("no room");
    expect(isReturned).toBe(true);
  });

  it("leave at once when the one before is long ago, and else together a moment later; the last does not wait", async () => {
    const clock = createFakeClock();
    const batches: { readonly items: readonly number[]; readonly ms: number }[] = [];
    const { items, put } = handFed();
    const done = forEachBatch(items, withGap(100, 8, clock), async (items) => {
      batches.push({ items, ms: clock.now_ms() });
    });
    const later = async (wait_ms: number, item: number | undefined): Promise<void> => {
      await clock.advance(wait_ms);
      put(item);
      await nextTurn();
    };
    for (const [item, wait_ms] of [0, 2, 2, 2, 20, 1].entries()) await later(wait_ms, item);
    await later(1, undefined);
    await done;
    expect(batches).toEqual([
      { items: [0], ms: 0 },
      { items: [1, 2, 3], ms: 8 },
      { items: [4], ms: 26 },
      { items: [5], ms: 28 },
    ]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("that wait leave together with those of other sources", async () => {
    const clock = createFakeClock();
    const departures = new Departures(clock);
    const left: string[] = [];
    const sources = ["a", "b"].map((name) => {
      const { items, put } = handFed();
      const done = forEachBatch(items, withGap(100, 16, clock, departures), async (batch) => {
        left.push(`${name}${batch.join("+")} at ${clock.now_ms()}`);
      });
      return { done, put };
    });
    const put = async (source: number, wait_ms: number, item: number | undefined): Promise<void> => {
      await clock.advance(wait_ms);
      sources[source]?.put(item);
      await nextTurn();
    };
    await put(0, 0, 1);
    await put(1, 10, 1);
    for (const item of [2, 3]) for (const source of [0, 1]) await put(source, 1, item);
    await clock.advance(20);
    await nextTurn();
    // The first was due at 16 and the second at 26.
    expect(left).toEqual(["a1 at 0", "b1 at 10", "a2+3 at 16", "b2+3 at 16"]);
    for (const { put } of sources) put(undefined);
    await Promise.all(sources.map(({ done }) => done));
    expect(clock.pendingTimers).toBe(0);
  });

  it("are none for a source that ends at once", async () => {
    expect(await batchesOf(turns())).toEqual([]);
  });
});
