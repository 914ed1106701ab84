import { describe, expect, it } from "vitest";
import { select } from "../select.js";
import { providerView, requestSpec, routingContext } from "../testing/fixtures.js";
import { RELEASE_WATCH_LIMITS, ReleaseWatch } from "./release-watch.js";

const { window_ms, suspicion_ms } = RELEASE_WATCH_LIMITS;

function watching(machines: number): ReleaseWatch {
  const watch = new ReleaseWatch();
  for (let machine = 0; machine < machines; machine += 1) watch.joined("2.0.0");
  for (let machine = 0; machine < 50; machine += 1) watch.joined("1.9.0");
  return watch;
}

describe("a release", () => {
  it("comes under suspicion when breakers of three in ten of its machines open within five minutes", () => {
    const watch = watching(10);
    expect(watch.opened("2.0.0", "one", 0)).toBe(false);
    expect(watch.opened("2.0.0", "one", 1)).toBe(false);
    expect(watch.opened("2.0.0", "two", window_ms)).toBe(false);
    expect(watch.opened("2.0.0", "three", window_ms + 2)).toBe(false);
    expect(watch.isSuspect("2.0.0", window_ms + 2)).toBe(false);
    // Now three are within the window; a fourth says it no second time.
    expect(watch.opened("2.0.0", "four", window_ms + 3)).toBe(true);
    expect(watch.opened("2.0.0", "five", window_ms + 4)).toBe(false);
    expect(watch.isSuspect("2.0.0", window_ms + 4)).toBe(true);
    expect(watch.isSuspect("1.9.0", window_ms + 4)).toBe(false);
  });

  it("does not for two machines, nor for few of many", () => {
    const few = watching(2);
    expect([few.opened("2.0.0", "one", 0), few.opened("2.0.0", "two", 0)]).toEqual([false, false]);
    const many = watching(11);
    expect(["one", "two", "three"].map((machine) => many.opened("2.0.0", machine, 0))).toEqual([false, false, false]);
  });

  it("is cleared when no more have failed for a while, once", () => {
    const watch = watching(3);
    for (const machine of ["one", "two", "three"]) watch.opened("2.0.0", machine, 0);
    expect(watch.cleared(suspicion_ms - 1)).toEqual([]);
    expect(watch.cleared(suspicion_ms)).toEqual(["2.0.0"]);
    expect(watch.cleared(suspicion_ms)).toEqual([]);
    expect(watch.isSuspect("2.0.0", suspicion_ms)).toBe(false);
  });

  it("stays suspect while its machines restart", () => {
    const watch = watching(3);
    for (const machine of ["one", "two", "three"]) watch.opened("2.0.0", machine, 0);
    for (let machine = 0; machine < 3; machine += 1) watch.left("2.0.0", 1);
    watch.joined("2.0.0");
    expect(watch.isSuspect("2.0.0", 2)).toBe(true);
  });

  it("under suspicion gives way to others, and serves where there are none", () => {
    const suspect = providerView({ id: "suspect", version: "2.0.0", suspectRelease: true });
    const slow = providerView({ id: "other", memoryPressure: 1, thermal: "fair" });
    const winner = (...views: (typeof slow)[]) => select(views, requestSpec(), routingContext()).winner?.providerId;
    expect(winner(suspect, slow)).toBe("other");
    expect(winner(suspect)).toBe("suspect");
  });
});
