import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Alarmed, Timers } from "./timers.js";

describe("timers", () => {
  it("are due in order, whatever is set, moved and cleared", () => {
    const step = fc.oneof(
      fc.record({ set: fc.nat({ max: 9 }), at: fc.oneof(fc.nat({ max: 100 }), fc.constant(Number.POSITIVE_INFINITY)) }),
      fc.record({ clear: fc.nat({ max: 9 }) }),
      fc.record({ pass: fc.nat({ max: 30 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const owners = Array.from({ length: 10 }, (): Alarmed => ({}));
        const ownerOf = (number: number): Alarmed => owners[number] ?? {};
        const timers = new Timers<Alarmed>();
        const model = new Map<Alarmed, number>();
        let now = 0;
        for (const one of steps) {
          if ("set" in one) {
            timers.set(ownerOf(one.set), one.at);
            if (one.at === Number.POSITIVE_INFINITY) model.delete(ownerOf(one.set));
            else model.set(ownerOf(one.set), one.at);
          } else if ("clear" in one) {
            timers.clear(ownerOf(one.clear));
            model.delete(ownerOf(one.clear));
          } else {
            now += one.pass;
            const due = [...model].filter(([, at]) => at <= now);
            const rung = [...timers.due(now)];
            expect(rung.map((owner) => model.get(owner))).toEqual(due.map(([, at]) => at).sort((a, b) => a - b));
            expect(new Set(rung)).toEqual(new Set(due.map(([owner]) => owner)));
            for (const [owner] of due) model.delete(owner);
          }
        }
      }),
    );
  });
});
