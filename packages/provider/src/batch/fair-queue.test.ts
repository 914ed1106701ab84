import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createFairQueue } from "./fair-queue.js";

describe("fair queue", () => {
  it("serves every item once, each lane in order, and no lane twice while another waits", () => {
    const lane = fc.constantFrom("a", "b", "c");
    fc.assert(
      fc.property(fc.array(lane, { maxLength: 40 }), (lanes) => {
        const queue = createFairQueue<{ lane: string; n: number }>();
        for (const [n, name] of lanes.entries()) queue.push(name, { lane: name, n });
        const served = lanes.map(() => queue.shift());
        expect(queue.shift()).toBeUndefined();
        expect(queue.size).toBe(0);
        for (const name of ["a", "b", "c"]) {
          const numbers = served.filter((item) => item?.lane === name).map((item) => item?.n);
          expect(numbers).toEqual(lanes.flatMap((other, n) => (other === name ? [n] : [])));
        }
        served.forEach((item, at) => {
          const next = served[at + 1];
          const others = served.slice(at + 1).some((later) => later?.lane !== item?.lane);
          if (others) expect(next?.lane).not.toBe(item?.lane);
        });
      }),
    );
  });

  it("forgets what is taken out", () => {
    const queue = createFairQueue<string>();
    queue.push("a", "a1");
    queue.push("a", "a2");
    queue.push("b", "b1");
    queue.remove("a", "a1");
    queue.remove("a", "unknown");
    queue.remove("z", "unknown");
    expect(queue.size).toBe(2);
    expect([queue.shift(), queue.shift(), queue.shift()]).toEqual(["a2", "b1", undefined]);
  });
});
