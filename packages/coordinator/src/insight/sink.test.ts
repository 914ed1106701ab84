import { describe, expect, it } from "vitest";
import { createSink, SINK_CAPACITY } from "./sink.js";

/** A sink whose writes wait until they are let go. */
function heldSink(capacity?: number) {
  const batches: (readonly number[])[] = [];
  const letGo: ((error?: Error) => void)[] = [];
  const failures: number[] = [];
  const drops: number[] = [];
  const sink = createSink<number>({
    ...(capacity === undefined ? {} : { capacity }),
    batch_max: 3,
    write: (batch) =>
      new Promise((resolve, reject) => {
        batches.push(batch);
        letGo.push((error) => (error === undefined ? resolve() : reject(error)));
      }),
    onFailed: (_error, tasks) => void failures.push(tasks),
    onDropped: (dropped) => void drops.push(dropped),
  });
  return { sink, batches, letGo, failures, drops };
}

describe("a sink", () => {
  it("writes in order, in batches, one after the other", async () => {
    const { sink, batches, letGo } = heldSink();
    for (const task of [1, 2, 3, 4]) sink.submit(task);
    await Promise.resolve();
    expect(batches).toEqual([[1, 2, 3]]);
    const flushed = sink.flushed();
    letGo[0]?.();
    await new Promise(setImmediate);
    letGo[1]?.();
    await flushed;
    expect(batches).toEqual([[1, 2, 3], [4]]);
  });

  it(`drops what comes when ${SINK_CAPACITY} wait, counts it, and never makes anybody wait`, async () => {
    const { sink, drops } = heldSink();
    for (let task = 0; task < SINK_CAPACITY; task += 1) expect(sink.submit(task)).toBe(true);
    expect(sink.submit(-1)).toBe(false);
    expect(sink.submit(-2)).toBe(false);
    expect(drops).toEqual([1, 2]);
    expect(sink.depth).toBe(SINK_CAPACITY);
  });

  it("goes on after a write that fails", async () => {
    const { sink, batches, letGo, failures } = heldSink();
    sink.submit(1);
    await Promise.resolve();
    letGo[0]?.(new Error("no database"));
    await sink.flushed();
    sink.submit(2);
    await new Promise(setImmediate);
    letGo[1]?.();
    await sink.flushed();
    expect([batches, failures]).toEqual([[[1], [2]], [1]]);
  });

  it("tells that what was submitted so far is written, however much follows", async () => {
    const { sink, letGo } = heldSink();
    sink.submit(1);
    const flushed = sink.flushed();
    await Promise.resolve();
    for (const task of [2, 3, 4, 5]) sink.submit(task);
    letGo[0]?.();
    await flushed;
    expect(sink.depth).toBeGreaterThan(0);
  });
});
