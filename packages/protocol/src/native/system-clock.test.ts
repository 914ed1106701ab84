import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { systemClock } from "./system-clock.js";

const month_ms = 30 * 24 * 3600 * 1000;

describe("the system clock", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("fires once, after the delay", () => {
    const fire = vi.fn();
    systemClock.setTimer(50, fire);
    vi.advanceTimersByTime(49);
    expect(fire).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1000);
    expect(fire).toHaveBeenCalledOnce();
  });

  it("waits longer than one native timer can", () => {
    const fire = vi.fn();
    systemClock.setTimer(2 * month_ms, fire);
    vi.advanceTimersByTime(2 * month_ms - 1);
    expect(fire).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(fire).toHaveBeenCalledOnce();
  });

  it("cancels, also in a later step of a long wait", () => {
    const fire = vi.fn();
    const cancel = systemClock.setTimer(2 * month_ms, fire);
    vi.advanceTimersByTime(month_ms);
    cancel();
    vi.advanceTimersByTime(2 * month_ms);
    expect(fire).not.toHaveBeenCalled();
  });

  it("keeps the process alive unless the timer is in the background", () => {
    vi.useRealTimers();
    const pending = () => process.getActiveResourcesInfo().filter((resource) => resource === "Timeout").length;
    const before = pending();
    const cancelBackground = systemClock.setTimer(60_000, () => undefined, "background");
    expect(pending()).toBe(before);
    const cancelForeground = systemClock.setTimer(60_000, () => undefined);
    expect(pending()).toBe(before + 1);
    cancelForeground();
    cancelBackground();
    expect(pending()).toBe(before);
  });

  it("counts monotonic milliseconds", () => {
    vi.useRealTimers();
    const first = systemClock.now_ms();
    expect(systemClock.now_ms()).toBeGreaterThanOrEqual(first);
    expect(Math.abs(systemClock.date().getTime() - Date.now())).toBeLessThan(1000);
  });
});
