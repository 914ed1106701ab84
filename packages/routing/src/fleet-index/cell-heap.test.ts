import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BUILD, providerView, routingContext } from "../testing/fixtures.js";
import { BuildIndex } from "./build-index.js";
import { Cell } from "./cell.js";
import { CellHeap } from "./cell-heap.js";
import { newMachine } from "./load.js";

describe("a heap of cells", () => {
  const index = new BuildIndex(BUILD);

  it("has the cheapest first, whatever is added, moved and taken out", () => {
    const heap = new CellHeap();
    const step = fc.oneof(
      fc.record({ add: fc.integer({ min: 0, max: 50 }) }),
      fc.record({ remove: fc.nat() }),
      fc.record({ move: fc.nat(), to: fc.integer({ min: 0, max: 50 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const model = new Map<Cell, number>();
        for (const one of steps) {
          if ("add" in one) {
            const cell = new Cell(newMachine(providerView(), routingContext()), index);
            heap.add(cell, one.add);
            model.set(cell, one.add);
            continue;
          }
          const numbered = [...model.keys()];
          const cell = numbered[("remove" in one ? one.remove : one.move) % Math.max(1, numbered.length)];
          if (cell === undefined) continue;
          if ("remove" in one) {
            heap.remove(cell);
            model.delete(cell);
          } else {
            heap.move(cell, one.to);
            model.set(cell, one.to);
          }
          const listed = Array.from({ length: heap.size }, (_, index) => heap.at(index));
          expect(new Set(listed)).toEqual(new Set(model.keys()));
          expect(listed.map((listedCell, index) => listedCell && model.get(listedCell) === heap.costAt(index))).not.toContain(false);
          expect(heap.costAt(0)).toBe(Math.min(...model.values()));
        }
        for (const cell of model.keys()) heap.remove(cell);
        expect(heap.size).toBe(0);
      }),
    );
  });
});
