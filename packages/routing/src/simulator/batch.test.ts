import { describe, expect, it } from "vitest";
import { Batch } from "./batch.js";
import { type Work, workOf } from "./work.js";

function stream(outputTokens: number): Work {
  const request = { number: 0, build: 0, promptTokens: 10, maxOutputTokens: outputTokens, outputTokens, tools: false };
  return workOf({ ...request, conversation: undefined, sharedTokens: 0 }, 0);
}

describe("a batch", () => {
  it("writes one stream at the rate of one", () => {
    const batch = new Batch(127, 0.27);
    batch.join(stream(200), 1, 1_000);
    expect(batch.rate_tps()).toBeCloseTo(100);
    expect(batch.nextEnd_ms()).toBeCloseTo(3_000);
  });

  it("slows all streams while another is written beside them", () => {
    const batch = new Batch(127, 0.27);
    const [long, short] = [stream(200), stream(100)];
    batch.join(long, 1, 0);
    batch.join(short, 1, 1_000);
    // Two streams at 127 / 1.54 each: the short one ends first, and the long one has what it was given since.
    const both_tps = 127 / 1.54;
    const shortEnd_ms = 1_000 + 100_000 / both_tps;
    const longEnd_ms = 1_000 + 100_000 / both_tps;
    expect(batch.nextEnd_ms()).toBeCloseTo(shortEnd_ms);
    expect([batch.takeEnded(shortEnd_ms), batch.takeEnded(longEnd_ms)]).toEqual(expect.arrayContaining([long, short]));
    expect(batch.size).toBe(0);
  });

  it("says how much a stream that leaves has been given, and speeds up the rest", () => {
    const batch = new Batch(127, 0.27);
    const [stays, leaves] = [stream(1_000), stream(1_000)];
    batch.join(stays, 1, 0);
    batch.join(leaves, 1, 0);
    expect(batch.leave(leaves, 2_000)).toBeCloseTo((2 * 127) / 1.54);
    expect(batch.rate_tps()).toBeCloseTo(100);
    expect(batch.nextEnd_ms()).toBeCloseTo(2_000 + ((1_000 - (2 * 127) / 1.54) * 1_000) / 100);
  });

  it("writes a build that is twice as fast in half the time", () => {
    const batch = new Batch(127, 0.27);
    batch.join(stream(200), 2, 0);
    expect(batch.nextEnd_ms()).toBeCloseTo(1_000);
  });
});
