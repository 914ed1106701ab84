import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EventHeap } from "./event-heap.js";

describe("the heap of events", () => {
  it("gives events by time, and those of one instant in the order in which they were added", () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 20 }), { maxLength: 3_000 }), (times) => {
        const heap = new EventHeap();
        for (const [index, at_ms] of times.entries()) heap.add(at_ms, index % 7, index, index * 2);
        const taken: { readonly at_ms: number; readonly index: number }[] = [];
        while (heap.take()) {
          expect(heap.kind).toBe(heap.subject % 7);
          expect(heap.detail).toBe(heap.subject * 2);
          taken.push({ at_ms: heap.at_ms, index: heap.subject });
        }
        const expected = times.map((at_ms, index) => ({ at_ms, index })).sort((a, b) => a.at_ms - b.at_ms || a.index - b.index);
        expect(taken).toEqual(expected);
      }),
      { numRuns: 50 },
    );
  });

  it("takes new events while others are being taken", () => {
    const heap = new EventHeap();
    heap.add(10, 1, 1);
    heap.add(30, 1, 3);
    expect(heap.take() && heap.subject).toBe(1);
    heap.add(20, 1, 2);
    expect(heap.take() && heap.subject).toBe(2);
    expect(heap.take() && heap.subject).toBe(3);
    expect(heap.take()).toBe(false);
  });
});
