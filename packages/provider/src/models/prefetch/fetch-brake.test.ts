import { describe, expect, it } from "vitest";
import { BRAKE_ms, FetchBrake } from "./fetch-brake.js";

/** Answers of one model that come at these rates, a report a second; what the brake says at each. */
function drive(brake: FetchBrake) {
  let at_ms = 0;
  let active_tokens = 0;
  return (seconds: number, { tps = 0, running = 1, isFetching = false, id = "a" } = {}): boolean => {
    let isHeld = false;
    for (let second = 0; second < seconds; second++) {
      at_ms += 1000;
      active_tokens += tps * running;
      const open = running === 0 ? [] : [id];
      isHeld = brake.observe({ at_ms, open, samples: [{ model: "oak", running, active_tokens }] }, isFetching && !isHeld);
    }
    return isHeld;
  };
}

describe("fetching while answers are written", () => {
  it("goes on for as long as answers keep four fifths of their rate", () => {
    const run = drive(new FetchBrake());
    run(10, { tps: 20 });
    expect(run(60, { tps: 16.5, isFetching: true })).toBe(false);
  });

  it("waits when they lose more, not for one report alone, and until nothing is answered", () => {
    const run = drive(new FetchBrake());
    run(10, { tps: 20 });
    expect(run(2, { tps: 10, isFetching: true })).toBe(false);
    expect(run(1, { tps: 20, isFetching: true })).toBe(false);
    expect(run(3, { tps: 10, isFetching: true })).toBe(true);
    expect(run(5, { tps: 20, isFetching: true })).toBe(true);
    expect(run(1, { running: 0, isFetching: true })).toBe(false);
  });

  it("goes on after a while, waits longer where that slows answers again, and takes a rate that stays for theirs", () => {
    const run = drive(new FetchBrake());
    run(10, { tps: 20 });
    run(3, { tps: 10, isFetching: true });
    // They stay slow while nothing is fetched: it was something else.
    expect(run(BRAKE_ms.first / 1000, { tps: 10 })).toBe(false);
    expect(run(30, { tps: 10, isFetching: true })).toBe(false);
    run(3, { tps: 5, isFetching: true });
    expect(run(BRAKE_ms.first / 1000, { tps: 10 })).toBe(true);
    expect(run(BRAKE_ms.first / 1000, { tps: 10 })).toBe(false);
  });

  it("knows nothing of answers of which it has seen none undisturbed, or that others joined", () => {
    const run = drive(new FetchBrake());
    run(10, { tps: 20 });
    expect(run(10, { tps: 1, running: 4, isFetching: true })).toBe(false);
    const turns = drive(new FetchBrake());
    turns(10, { tps: 20 });
    for (let second = 0; second < 10; second++) expect(turns(1, { tps: 1, isFetching: true, id: String(second) })).toBe(false);
  });
});
