import { createFakeClock } from "@umbel/protocol/testing";
import { describe, expect, it } from "vitest";
import { startHeartbeats } from "./heartbeats.js";
import { SESSION_LIMITS } from "./limits.js";

async function beatsIn(duration_ms: number, interval_ms: number): Promise<number[]> {
  const clock = createFakeClock();
  const times: number[] = [];
  const beat = async () => {
    times.push(clock.now_ms());
  };
  const heartbeats = startHeartbeats({ clock, interval_ms, beat, onFailure: () => undefined });
  await clock.advance(duration_ms);
  heartbeats.stop();
  expect(clock.pendingTimers).toBe(0);
  return times;
}

describe("heartbeats", () => {
  it("come at once and then as often as asked", async () => {
    expect(await beatsIn(2500, 1000)).toEqual([0, 1000, 2000]);
  });

  it("come between times when asked, once more after one that is under way, and never after the end", async () => {
    const clock = createFakeClock();
    const times: number[] = [];
    const beat = async () => {
      times.push(clock.now_ms());
    };
    const heartbeats = startHeartbeats({ clock, interval_ms: 1000, beat, onFailure: () => undefined });
    heartbeats.beatNow();
    heartbeats.beatNow();
    await clock.advance(400);
    heartbeats.beatNow();
    await clock.advance(1000);
    expect(times).toEqual([0, 0, 400, 1400]);
    heartbeats.stop();
    heartbeats.beatNow();
    expect(times).toHaveLength(4);
  });

  it("are kept within bounds, whatever the coordinator asks", async () => {
    expect(await beatsIn(2 * SESSION_LIMITS.heartbeat_ms_min, 0)).toHaveLength(3);
    expect(await beatsIn(SESSION_LIMITS.heartbeat_ms_max, 10 * SESSION_LIMITS.heartbeat_ms_max)).toHaveLength(2);
  });
});
