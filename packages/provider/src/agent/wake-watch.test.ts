import { createFakeClock } from "@umbel/protocol/testing";
import { describe, expect, it } from "vitest";
import { AGENT_LIMITS } from "./limits.js";
import { watchWakes } from "./wake-watch.js";

const HOUR_MS = 3_600_000;

function watched() {
  const clock = createFakeClock();
  const wakes: number[] = [];
  const stop = watchWakes({ clock, onWake: (slept_ms) => wakes.push(slept_ms) });
  return { clock, wakes, stop };
}

describe("a machine that slept", () => {
  it("is noticed when its monotonic clock slept with it", async () => {
    const { clock, wakes } = watched();
    await clock.advance(10_000);
    clock.suspend(HOUR_MS);
    await clock.advance(AGENT_LIMITS.wakeLook_ms);
    expect(wakes).toEqual([HOUR_MS]);
    await clock.advance(HOUR_MS);
    expect(wakes).toHaveLength(1);
  });

  it("is noticed when all its clocks went on", async () => {
    const { clock, wakes } = watched();
    clock.sleep(HOUR_MS);
    await clock.advance(0);
    expect(wakes).toEqual([HOUR_MS - AGENT_LIMITS.wakeLook_ms]);
  });

  it("is not one that was busy, nor one whose clock was set back or by a little", async () => {
    const { clock, wakes } = watched();
    clock.sleep(AGENT_LIMITS.sleep_ms_min);
    await clock.advance(10_000);
    clock.suspend(-HOUR_MS);
    await clock.advance(10_000);
    clock.suspend(AGENT_LIMITS.sleep_ms_min - 1);
    await clock.advance(10_000);
    expect(wakes).toEqual([]);
  });

  it("is not looked for any more after the end", async () => {
    const { clock, stop } = watched();
    stop();
    expect(clock.pendingTimers).toBe(0);
  });
});
