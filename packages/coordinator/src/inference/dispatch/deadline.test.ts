import { createFakeClock } from "@umbel/protocol/testing";
import { describe, expect, it } from "vitest";
import { createDeadline } from "./deadline.js";

describe("createDeadline", () => {
  it("passes when its time comes", async () => {
    const clock = createFakeClock();
    const deadline = createDeadline(clock, 100);
    await clock.advance(99);
    expect(deadline.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(deadline).toMatchObject({ passed: true, signal: { aborted: true } });
  });

  it("can be moved later, with one timer however often, and earlier", async () => {
    const clock = createFakeClock();
    const deadline = createDeadline(clock, 100);
    for (let end_ms = 101; end_ms <= 200; end_ms += 1) deadline.moveTo(end_ms);
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(150);
    expect(deadline.passed).toBe(false);
    deadline.moveTo(160);
    await clock.advance(10);
    expect(deadline.passed).toBe(true);
  });

  it("ends with the consumer, and knows the difference", async () => {
    const clock = createFakeClock();
    const gone = new AbortController();
    const deadline = createDeadline(clock, 100, gone.signal);
    gone.abort(new Error("left"));
    expect(deadline.signal.reason).toEqual(new Error("left"));
    expect(deadline.passed).toBe(false);
    deadline.clear();
    expect(clock.pendingTimers).toBe(0);
  });

  it("is over at once for a consumer who has left already", () => {
    const clock = createFakeClock();
    expect(createDeadline(clock, 100, AbortSignal.abort()).signal.aborted).toBe(true);
  });
});
