import { describe, expect, it } from "vitest";
import { createFakeClock } from "./fake-clock.js";

describe("the fake clock", () => {
  it("stands still until it is moved", async () => {
    const clock = createFakeClock(new Date("2026-03-01T12:00:00Z"));
    expect(clock.now_ms()).toBe(0);
    await clock.advance(1500);
    expect(clock.now_ms()).toBe(1500);
    expect(clock.date().toISOString()).toBe("2026-03-01T12:00:01.500Z");
  });

  it("fires due timers in order of time, ties in order of setting, and leaves later ones", async () => {
    const clock = createFakeClock();
    const fired: string[] = [];
    for (const [name, delay_ms] of [
      ["late", 30],
      ["tie a", 20],
      ["tie b", 20],
      ["first", 10],
      ["beyond", 31],
    ] as const) {
      clock.setTimer(delay_ms, () => fired.push(`${name} at ${clock.now_ms()}`));
    }
    await clock.advance(30);
    expect(fired).toEqual(["first at 10", "tie a at 20", "tie b at 20", "late at 30"]);
    expect(clock.pendingTimers).toBe(1);
  });

  it("can stand still while the wall clock goes on", async () => {
    const clock = createFakeClock(new Date("2026-03-01T12:00:00Z"));
    let fired = 0;
    clock.setTimer(1000, () => fired++);
    clock.suspend(3_600_000);
    await clock.advance(999);
    expect([fired, clock.now_ms(), clock.date().toISOString()]).toEqual([0, 999, "2026-03-01T13:00:00.999Z"]);
  });

  it("fires timers that are set on the way", async () => {
    const clock = createFakeClock();
    const ticks: number[] = [];
    const tick = (): void => {
      ticks.push(clock.now_ms());
      clock.setTimer(10, tick);
    };
    clock.setTimer(10, tick);
    await clock.advance(35);
    expect(ticks).toEqual([10, 20, 30]);
  });

  it("lets promises settle between timers and before it returns", async () => {
    const clock = createFakeClock();
    const log: string[] = [];
    const sleep = (delay_ms: number) => new Promise<void>((resolve) => clock.setTimer(delay_ms, resolve));
    const worker = (async () => {
      await sleep(10);
      for (let step = 0; step < 20; step++) await Promise.resolve();
      log.push("worker");
    })();
    clock.setTimer(11, () => log.push("timer"));
    await clock.advance(11);
    expect(log).toEqual(["worker", "timer"]);
    await worker;
  });

  it("does not fire a cancelled timer; cancelling again does nothing", async () => {
    const clock = createFakeClock();
    let fired = 0;
    const cancel = clock.setTimer(10, () => fired++);
    cancel();
    cancel();
    await clock.advance(20);
    expect(fired).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });

  it("fires late what fell due while it slept", async () => {
    const clock = createFakeClock();
    let fired_ms = 0;
    clock.setTimer(10, () => {
      fired_ms = clock.now_ms();
    });
    clock.sleep(5000);
    expect(fired_ms).toBe(0);
    await clock.advance(1);
    expect(fired_ms).toBe(5000);
    expect(clock.now_ms()).toBe(5001);
  });

  it("treats a negative delay as none", async () => {
    const clock = createFakeClock();
    let fired = false;
    clock.setTimer(-5, () => {
      fired = true;
    });
    await clock.advance(0);
    expect(fired).toBe(true);
  });
});
