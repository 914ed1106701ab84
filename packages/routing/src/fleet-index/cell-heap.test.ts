import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { providerView } from "../testing/fixtures.js";
import { Cell } from "./cell.js";
import { DrawerHeap, LaneHeap } from "./cell-heap.js";

describe("a heap of cells", () => {
  it.each([new LaneHeap(), new DrawerHeap()])("has the cheapest first, whatever is added, moved and taken out", (heap) => {
    const step = fc.oneof(
      fc.record({ add: fc.integer({ min: 0, max: 50 }) }),
      fc.record({ remove: fc.nat() }),
      fc.record({ move: fc.nat(), to: fc.integer({ min: 0, max: 50 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const model: Cell[] = [];
        for (const one of steps) {
          if ("add" in one) {
            const cell = new Cell(providerView());
            cell.cost_ms = one.add;
            heap.add(cell);
            model.push(cell);
          } else if ("remove" in one) {
            const [cell] = model.splice(one.remove % Math.max(1, model.length), 1);
            if (cell !== undefined) heap.remove(cell);
          } else {
            const cell = model[one.move % Math.max(1, model.length)];
            if (cell === undefined) continue;
            cell.cost_ms = one.to;
            heap.moved(cell);
          }
          const listed = Array.from({ length: heap.size }, (_, index) => heap.at(index));
          expect(new Set(listed)).toEqual(new Set(model));
          expect(heap.at(0)?.cost_ms).toBe(model.length === 0 ? undefined : Math.min(...model.map(({ cost_ms }) => cost_ms)));
        }
        for (const cell of model) heap.remove(cell);
        expect(heap.size).toBe(0);
      }),
    );
  });
});
