import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fleet as anyFleet } from "../testing/arbitraries.js";
import { BUILD, OTHER_BUILD, routingContext } from "../testing/fixtures.js";
import { createFleetIndex } from "./index.js";

describe("machines that have a build or work for it", () => {
  it("are found without looking at all, through every change of their views", () => {
    fc.assert(
      fc.property(fc.array(anyFleet, { minLength: 1, maxLength: 4 }), fc.array(fc.nat(11)), (generations, gone) => {
        const index = createFleetIndex();
        const views = new Map(generations.flat().map((view) => [view.id, view]));
        for (const view of generations.flat()) index.set(view, routingContext());
        for (const session of gone) {
          index.remove(`session-${session}`);
          views.delete(`session-${session}`);
        }
        for (const build of [BUILD, OTHER_BUILD]) {
          const expected = [...views.values()].filter((view) => view.slots?.has(build) === true || view.pending.has(build));
          expect([...index.engaged(build)].map(({ id }) => id).sort()).toEqual(expected.map(({ id }) => id).sort());
        }
      }),
      { numRuns: 300 },
    );
  });
});
