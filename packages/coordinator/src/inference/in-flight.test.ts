import { createFakeClock } from "@umbel/protocol/testing";
import { describe, expect, it } from "vitest";
import { createInFlight } from "./in-flight.js";

describe("createInFlight", () => {
  it("counts each request once, however often its end is told", () => {
    const inFlight = createInFlight(createFakeClock());
    const { leave } = inFlight.enter();
    inFlight.enter();
    leave();
    leave();
    expect(inFlight.count).toBe(1);
  });

  it("counts a request once, however many hold it, until the last of them has left", () => {
    const inFlight = createInFlight(createFakeClock());
    const visit = inFlight.enter();
    const leave = visit.stay();
    expect(inFlight.count).toBe(1);
    visit.leave();
    expect(inFlight.count).toBe(1);
    leave();
    expect(inFlight.count).toBe(0);
    visit.stay();
    expect(inFlight.count).toBe(1);
  });

  it("lets a request that is there go on while it drains, but not begin anew", async () => {
    const inFlight = createInFlight(createFakeClock());
    const visit = inFlight.enter();
    const drained = inFlight.drain(600_000);
    const leave = visit.stay();
    visit.leave();
    leave();
    expect(await drained).toEqual({ cut: 0 });
    expect(() => visit.stay()).toThrow(expect.objectContaining({ status: 429 }));
  });

  it("turns new requests away while it drains, and resolves when the last one has left", async () => {
    const clock = createFakeClock();
    const inFlight = createInFlight(clock);
    const { leave } = inFlight.enter();
    const drained = inFlight.drain(600_000);
    expect(() => inFlight.enter()).toThrow(expect.objectContaining({ status: 429, retryAfter_s: 3 }));
    leave();
    expect(await drained).toEqual({ cut: 0 });
    expect(clock.pendingTimers).toBe(0);
  });

  it("says how many it cut when the grace is over", async () => {
    const clock = createFakeClock();
    const inFlight = createInFlight(clock);
    inFlight.enter();
    const drained = inFlight.drain(5_000);
    await clock.advance(5_000);
    expect(await drained).toEqual({ cut: 1 });
  });

  it("does not wait with a grace of 0", async () => {
    const inFlight = createInFlight(createFakeClock());
    inFlight.enter();
    expect(await inFlight.drain(0)).toEqual({ cut: 1 });
  });
});
