import { createFakeClock } from "@umbel/protocol/testing";
import { describe, expect, it } from "vitest";
import { startLoop } from "./loop.js";

describe("startLoop", () => {
  it("runs a task again an interval after it has ended, so that runs never overlap", async () => {
    const clock = createFakeClock();
    let runs = 0;
    let end: () => void = () => undefined;
    const task = (): Promise<void> => {
      runs += 1;
      return new Promise((resolve) => {
        end = resolve;
      });
    };
    const stop = startLoop(clock, 100, task, () => undefined);
    await clock.advance(1_000);
    expect(runs).toBe(1);
    end();
    await clock.advance(100);
    expect(runs).toBe(2);
    end();
    await stop();
    expect(clock.pendingTimers).toBe(0);
  });

  it("tells of a failure and goes on", async () => {
    const clock = createFakeClock();
    const failures: unknown[] = [];
    const stop = startLoop(
      clock,
      100,
      () => Promise.reject(new Error("no")),
      (error) => failures.push(error),
    );
    await clock.advance(300);
    expect(failures).toHaveLength(3);
    await stop();
  });

  it("waits for the run under way when it stops, and starts no other", async () => {
    const clock = createFakeClock();
    let finished = false;
    let end: () => void = () => undefined;
    const stop = startLoop(
      clock,
      100,
      async () => {
        await new Promise<void>((resolve) => {
          end = resolve;
        });
        finished = true;
      },
      () => undefined,
    );
    await clock.advance(100);
    const stopped = stop();
    end();
    await stopped;
    expect(finished).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });
});
