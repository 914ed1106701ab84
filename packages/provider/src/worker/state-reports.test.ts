import { createFakeClock } from "@umbel/protocol/testing";
import { describe, expect, it } from "vitest";
import { WORKER_LIMITS } from "./limits.js";
import { startStateReports } from "./state-reports.js";

describe("state reports", () => {
  it("come at once, every second, and soon after changes but not for each of them", async () => {
    const clock = createFakeClock();
    const times: number[] = [];
    const reports = startStateReports(clock, () => times.push(clock.now_ms()));
    await clock.advance(WORKER_LIMITS.state_ms);
    for (let i = 0; i < 10; i++) reports.changed();
    await clock.advance(WORKER_LIMITS.stateAfterChange_ms);
    reports.changed();
    await clock.advance(WORKER_LIMITS.stateAfterChange_ms + WORKER_LIMITS.state_ms);
    expect(times).toEqual([0, 1000, 1050, 1100, 2100]);
    reports.stop();
    expect(clock.pendingTimers).toBe(0);
  });
});
