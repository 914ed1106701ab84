import { describe, expect, it } from "vitest";
import { requestSpec } from "../testing/fixtures.js";
import type { RequestSpec } from "../types.js";
import { isWorthWaiting, waitingOutlook } from "./outlook.js";
import { type Waiter, waitLimit } from "./waiter.js";
import { type LineConditions, lineLimit, type Scope, WaitingLine } from "./waiting-line.js";

const CONDITIONS: LineConditions = { waiters_min: 2, places: 1, drain_perSecond: 0 };

function waiter(change: Partial<RequestSpec> = {}, deadline_ms = 120_000): Waiter {
  return { spec: requestSpec(change), deadline_ms, isRetry: false };
}

function lineOf(...waiters: Waiter[]): WaitingLine<Waiter> {
  const line = new WaitingLine<Waiter>();
  for (const each of waiters) line.join(each, 0, { ...CONDITIONS, waiters_min: 1_000 });
  return line;
}

describe("the line of a build", () => {
  it("is full at its least length, or at twice the places there are", () => {
    expect(lineLimit({ waiters_min: 10, places: 3 })).toBe(10);
    expect(lineLimit({ waiters_min: 10, places: 8 })).toBe(16);
    const line = lineOf(waiter({ accountId: "a" }), waiter({ accountId: "b" }));
    expect(line.join(waiter({ accountId: "c" }), 0, CONDITIONS)).toEqual({ outcome: "full" });
    expect(line.join(waiter({ accountId: "c" }), 0, { ...CONDITIONS, places: 2 })).toEqual({ outcome: "joined", displaced: undefined });
  });

  it("makes room for an account that waits for less than another does, at the other's last request", () => {
    const last = waiter({ accountId: "crowd" });
    const line = lineOf(waiter({ accountId: "crowd" }), last);
    const newcomer = waiter({ accountId: "other" });
    expect(line.isFullFor({ route: "public", accountId: "crowd" }, CONDITIONS)).toBe(true);
    expect(line.isFullFor(newcomer.spec, CONDITIONS)).toBe(false);
    expect(line.join(newcomer, 0, CONDITIONS)).toEqual({ outcome: "joined", displaced: last });
    expect(line.leave(last)).toBe(false);
    expect(line.size).toBe(2);
    // Now both wait for as much: nobody has to make room.
    expect(line.join(waiter({ accountId: "other" }), 0, CONDITIONS)).toEqual({ outcome: "full" });
  });

  it("turns away who would still stand there when its time is over, at the rate at which places become free", () => {
    const line = lineOf(...Array.from({ length: 9 }, (_, number) => waiter({ accountId: `account ${number}` })));
    const join = (deadline_ms: number, drain_perSecond: number) =>
      line.join(waiter({}, deadline_ms), 0, { waiters_min: 100, places: 1, drain_perSecond });
    expect(join(99_000, 0.1)).toEqual({ outcome: "too_long", wait_ms: 100_000 });
    expect(join(100_000, 0.1).outcome).toBe("joined");
    expect(join(1, 0).outcome).toBe("joined");
  });

  it("reckons with turns, not with the length of somebody's crowd", () => {
    const line = lineOf(...Array.from({ length: 50 }, () => waiter({ accountId: "crowd" })));
    expect(line.estimatedWait_ms("other", { ...CONDITIONS, drain_perSecond: 1 })).toBe(2_000);
    expect(line.estimatedWait_ms("crowd", { ...CONDITIONS, drain_perSecond: 1 })).toBe(51_000);
  });

  it("offers owners their machines first, and has a lane for them that no crowd fills", () => {
    const own = waiter({ accountId: "owner", route: "self" });
    const preferring = waiter({ accountId: "owner", route: "prefer" });
    const line = lineOf(waiter({ accountId: "a" }), waiter({ accountId: "b" }), preferring);
    expect(line.join(own, 0, CONDITIONS)).toMatchObject({ outcome: "joined" });
    const offers: [string, Scope][] = [];
    line.offer(({ spec }, scope) => {
      offers.push([spec.route, scope]);
      return "unserved";
    });
    expect(offers).toEqual([
      ["self", "own"],
      ["prefer", "own"],
      ["public", "any"],
      ["prefer", "any"],
    ]);
    line.offer((_, scope) => (scope === "own" ? "served" : "unserved"));
    expect([line.leave(own), line.leave(preferring), line.size]).toEqual([false, false, 2]);
  });

  it("has room for those a machine has failed, however long it is, and offers to them before all that had no place yet", () => {
    const line = lineOf(waiter({ accountId: "a" }), waiter({ accountId: "b" }));
    const again = { ...waiter({ accountId: "c" }), isRetry: true };
    expect(line.join(again, 0, CONDITIONS)).toEqual({ outcome: "joined", displaced: undefined });
    expect(line.size).toBe(3);
    // Who comes after them waits for them, too.
    expect(line.estimatedWait_ms("d", { ...CONDITIONS, drain_perSecond: 1 })).toBe(4_000);
    const offered: string[] = [];
    line.offer(({ spec }) => {
      offered.push(spec.accountId);
      return "served";
    });
    expect(offered).toEqual(["c", "a", "b"]);
    expect(line.join({ ...again, deadline_ms: 5 }, 0, CONDITIONS).outcome).toBe("joined");
    expect([line.expire(5).length, line.size]).toEqual([1, 0]);
  });

  it("bounds what one owner may have waiting", () => {
    const own = () => waiter({ accountId: "owner", route: "self" });
    const line = lineOf(own(), own());
    expect(line.join(own(), 0, CONDITIONS)).toEqual({ outcome: "full" });
    expect(line.join(waiter({ accountId: "other", route: "self" }), 0, CONDITIONS).outcome).toBe("joined");
  });

  it("takes out those whose time is over, once", () => {
    const [early, late] = [waiter({}, 10), waiter({}, 20)];
    const line = lineOf(early, late);
    expect(line.expire(9)).toEqual([]);
    expect(line.expire(10)).toEqual([early]);
    expect(line.leave(early)).toBe(false);
    expect(line.leave(late)).toBe(true);
  });
});

describe("how long a request waits", () => {
  it("is until the line's patience or the caller's deadline, and whose it was is known", () => {
    expect(waitLimit(1_000, 120_000)).toEqual({ at_ms: 121_000, limit: "timeout" });
    expect(waitLimit(1_000, 120_000, 200_000)).toEqual({ at_ms: 121_000, limit: "timeout" });
    expect(waitLimit(1_000, 120_000, 31_000)).toEqual({ at_ms: 31_000, limit: "deadline" });
  });
});

describe("what one who waits may hope for", () => {
  it("is a place while somebody is only busy", () => {
    expect(isWorthWaiting({ refusals: { concurrency: 1, ttft_ceiling: 2 } })).toBe(true);
    expect(waitingOutlook({ refusals: { slot_unavailable: 1 } }, { route: "public" })).toBe("wait");
  });

  it("is nothing once everybody left is too slow, or nobody is left, unless its own machine may come back", () => {
    expect(waitingOutlook({ refusals: { ttft_ceiling: 1, breaker_open: 1 } }, { route: "public" })).toBe("too_slow");
    expect(waitingOutlook({ refusals: { not_in_catalog: 3 } }, { route: "prefer" })).toBe("nobody");
    expect(waitingOutlook({ refusals: {} }, { route: "public" })).toBe("nobody");
    expect(waitingOutlook({ refusals: {} }, { route: "self" })).toBe("wait");
  });
});
