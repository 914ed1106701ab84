import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type HeapEntry, OrderedHeap } from "./ordered-heap.js";

describe("an ordered heap", () => {
  it("has its least entry first, whatever is added and taken out", () => {
    const step = fc.oneof(fc.record({ add: fc.integer({ min: 0, max: 50 }) }), fc.record({ remove: fc.nat() }));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const heap = new OrderedHeap<HeapEntry>();
        const model: HeapEntry[] = [];
        for (const one of steps) {
          if ("add" in one) {
            const entry = { key: one.add, position: -1 };
            heap.add(entry);
            model.push(entry);
          } else if (model.length > 0) {
            const [taken] = model.splice(one.remove % model.length, 1);
            if (taken !== undefined) heap.remove(taken);
            expect(taken?.position).toBe(-1);
          }
          expect(heap.size).toBe(model.length);
          expect(heap.at(0)?.key).toBe(model.length === 0 ? undefined : Math.min(...model.map(({ key }) => key)));
          expect(model.every((entry) => heap.at(entry.position) === entry)).toBe(true);
        }
      }),
    );
  });
});
