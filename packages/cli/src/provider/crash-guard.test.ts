import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { forgetCrashes, givenUp, openCrashGuard } from "./crash-guard.js";

let home: string;
let now_ms: number;
beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), "umbel-guard-"));
  now_ms = Date.parse("2026-12-01T12:00:00Z");
});
afterEach(() => rmSync(home, { recursive: true }));

const open = (uptime_ms = 86_400_000) => openCrashGuard({ home }, { now: () => new Date(now_ms), uptime_ms });
/** Starts it, and it crashes after a while. @returns how long it had to wait */
function crash(after_ms = 60_000, uptime_ms?: number): number | undefined {
  const guard = open(uptime_ms);
  guard.begin();
  now_ms += after_ms;
  return guard.wait_ms;
}

it("waits longer after each crash, and gives up after five in half an hour", () => {
  expect([crash(), crash(), crash(), crash(), crash()]).toEqual([0, 30_000, 60_000, 120_000, 240_000]);
  expect(givenUp({ home })).toBeUndefined();
  expect(open().wait_ms).toBeUndefined();
  expect(givenUp({ home })).toMatchObject({ why: "it crashed 5 times in half an hour" });
  // Whoever starts it after that has done something about it.
  expect(open().wait_ms).toBe(0);
});

it("forgets crashes that are long ago, ends that were wanted, and what the machine's own end has ended", () => {
  for (let times = 0; times < 10; times += 1) expect(crash(700_000)).toBeLessThanOrEqual(120_000);
  forgetCrashes({ home });
  for (let times = 0; times < 10; times += 1) {
    const guard = open();
    expect(guard.wait_ms).toBe(0);
    guard.begin();
    guard.end();
  }
  for (let times = 0; times < 10; times += 1) expect(crash(60_000, 30_000)).toBe(0);
});

it("remembers why another try was hopeless until somebody starts it again", () => {
  open().giveUp("the settings are wrong");
  expect(givenUp({ home })?.why).toBe("the settings are wrong");
  open().begin();
  expect(givenUp({ home })).toBeUndefined();
});
