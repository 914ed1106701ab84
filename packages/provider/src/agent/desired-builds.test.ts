import { createFakeClock, type FakeClock } from "@umbel/protocol/testing";
import { beforeEach, expect, it } from "vitest";
import { DesiredBuilds } from "./desired-builds.js";

let clock: FakeClock;
let offered: Set<string>;
let desired: DesiredBuilds;
let seen: string[];
beforeEach(() => {
  clock = createFakeClock();
  offered = new Set(["old"]);
  seen = [];
  const note = (what: string) => (build: string) => void seen.push(`${what} ${build}`);
  desired = new DesiredBuilds({
    clock,
    isOffered: (build) => offered.has(build),
    want: note("want"),
    unwant: note("unwant"),
    confirm: (builds) => void seen.push(`confirm ${builds.join(" ")}`),
    withdraw: note("withdraw"),
  });
});
const say = (...models: [name: string, build: string, previous?: string][]) =>
  desired.onDesired({
    type: "desired_models",
    models: models.map(([model_name, desired_build, previous_build]) => ({
      model_name,
      desired_build,
      ...(previous_build && { previous_build }),
    })),
  });

it("fetches what a name stands for now, and lets go of what it stood for only when that is here", () => {
  say(["oak", "new", "old"]);
  expect(seen.splice(0)).toEqual(["want new"]);
  desired.onOffered("new");
  expect(seen).toEqual(["withdraw old"]);
});

it("confirms what is here already, and keeps a build that another name stands for", () => {
  offered.add("new");
  say(["oak", "new", "old"], ["elm", "old"]);
  expect(seen).toEqual(["confirm new old"]);
});

it("tries again after ever longer waits, and in the end not any more", async () => {
  say(["oak", "new"]);
  const waits: number[] = [];
  for (let turn = 0; turn < 5; turn++) {
    seen.length = 0;
    desired.onFailed("new");
    const from_ms = clock.now_ms();
    while (seen.length === 0) await clock.advance(10_000);
    waits.push((clock.now_ms() - from_ms) / 1000);
  }
  expect(waits).toEqual([30, 60, 120, 300, 600]);
  desired.onFailed("new");
  expect(clock.pendingTimers).toBe(0);
  seen.length = 0;
  say(["oak", "new"]);
  desired.onFailed("new");
  expect(seen).toEqual(["want new"]);
  expect(clock.pendingTimers).toBe(1);
});

it("forgets what is not wanted any more, when it is told so and when it stops", () => {
  say(["oak", "new"]);
  desired.onFailed("new");
  say();
  expect(seen).toEqual(["want new", "unwant new"]);
  desired.onOffered("new");
  desired.onFailed("new");
  expect(clock.pendingTimers).toBe(0);
  say(["oak", "new"]);
  desired.onFailed("new");
  desired.stop();
  expect(clock.pendingTimers).toBe(0);
});
