import { createFakeClock } from "@umbel/protocol/testing";
import { describe, expect, it } from "vitest";
import { createAlarm } from "./alarm.js";

describe("an alarm", () => {
  function alarmed() {
    const clock = createFakeClock();
    const fired: number[] = [];
    const start_ms = clock.now_ms();
    const alarm = createAlarm(clock, () => fired.push(clock.now_ms() - start_ms));
    return { clock, fired, moveTo: (at_ms: number) => alarm.moveTo(start_ms + at_ms) };
  }

  it("goes off when its instant comes, once", async () => {
    const { clock, fired, moveTo } = alarmed();
    moveTo(100);
    await clock.advance(1_000);
    expect(fired).toEqual([100]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("can be moved later, with one timer however often, and earlier", async () => {
    const { clock, fired, moveTo } = alarmed();
    for (let end_ms = 100; end_ms <= 200; end_ms += 1) moveTo(end_ms);
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(150);
    expect(fired).toEqual([]);
    moveTo(160);
    await clock.advance(40);
    expect(fired).toEqual([160]);
  });

  it("can be called off, and set again", async () => {
    const { clock, fired, moveTo } = alarmed();
    moveTo(100);
    moveTo(Number.POSITIVE_INFINITY);
    expect(clock.pendingTimers).toBe(0);
    await clock.advance(200);
    moveTo(250);
    await clock.advance(50);
    expect(fired).toEqual([250]);
  });
});
