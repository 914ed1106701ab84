import { createFakeClock, type FakeClock } from "@umbel/protocol/testing";
import { beforeEach, describe, expect, it } from "vitest";
import type { DownloadProgress } from "../download/download-files.js";
import { PrefetchQueue } from "./prefetch-queue.js";

let clock: FakeClock;
let queue: PrefetchQueue;
let seen: string[];
let running: { build: string; progress: (progress: DownloadProgress) => void; finish: (error?: unknown) => void }[];

beforeEach(() => {
  clock = createFakeClock();
  seen = [];
  running = [];
  queue = new PrefetchQueue({
    clock,
    fetch: (build, signal, progress) =>
      new Promise((resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
        running.push({ build, progress, finish: (error) => (error === undefined ? resolve() : reject(error)) });
      }),
    onEvent: (build, event) =>
      seen.push(
        event.status === "failed"
          ? `${build} failed: ${String(event.error instanceof Error ? event.error.message : event.error)}`
          : event.status === "downloading"
            ? `${build} ${event.progress.done_bytes}`
            : `${build} ${event.status}`,
      ),
  });
});
const order = () => running.map(({ build }) => build);
const finishAll = async () => {
  for (let at = 0; at < running.length; at++) {
    running[at]?.finish();
    await clock.advance(0);
  }
};

describe("builds to be fetched", () => {
  it("come one at a time, by priority, then by arrival; asked for again they move up", async () => {
    for (const [build, priority] of [
      ["a", 0],
      ["b", 0],
      ["c", 5],
      ["d", 0],
    ] as const)
      queue.add(build, priority);
    queue.add("d", 9);
    queue.add("a", 9);
    expect(order()).toEqual(["a"]);
    expect([queue.has("a"), queue.has("d"), queue.has("x")]).toEqual([true, true, false]);
    await finishAll();
    expect(order()).toEqual(["a", "d", "c", "b"]);
    expect(seen.filter((line) => line.endsWith("verified"))).toHaveLength(4);
  });

  it("are reported every two seconds or twentieth", async () => {
    queue.add("a", 0);
    const report = (done_bytes: number) => running[0]?.progress({ done_bytes, total_bytes: 1000 });
    report(0);
    report(49);
    report(50);
    await clock.advance(2000);
    report(51);
    report(52);
    expect(seen).toEqual(["a started", "a 0", "a 50", "a 51"]);
  });

  it("wait while the machine rests: what was under way goes on first, and is no failure", async () => {
    queue.add("a", 1);
    queue.add("b", 0);
    queue.hold(true);
    queue.add("c", 0);
    await clock.advance(0);
    expect([order(), queue.has("a")]).toEqual([["a"], true]);
    queue.hold(false);
    await finishAll();
    expect(order()).toEqual(["a", "a", "b", "c"]);
    expect(seen.filter((line) => line.includes("failed"))).toEqual([]);
  });

  it("are not taken up again when nobody wants them any more, or the provider stops, while they are held", async () => {
    queue.add("a", 0);
    queue.hold(true);
    queue.drop("a");
    await clock.advance(0);
    queue.hold(false);
    expect([order(), seen]).toEqual([["a"], ["a started", "a failed: not fetched: unwanted"]]);
    queue.add("b", 0);
    queue.hold(true);
    await queue.stop();
    expect(seen.at(-1)).toBe("b failed: not fetched: stopped");
  });

  it("that fail leave the turn to the next", async () => {
    queue.add("a", 0);
    queue.add("b", 0);
    running[0]?.finish(new Error("no network"));
    await clock.advance(0);
    expect(seen).toEqual(["a started", "a failed: no network", "b started"]);
  });

  it("that nobody wants any more are let go, running or waiting", async () => {
    for (const build of ["a", "b", "c"]) queue.add(build, 0);
    queue.drop("b");
    queue.drop("a");
    await clock.advance(0);
    expect(seen).toEqual(["a started", "b failed: not fetched: unwanted", "a failed: not fetched: unwanted", "c started"]);
  });

  it("all fail when the provider stops, and so do later ones", async () => {
    queue.add("a", 0);
    queue.add("b", 0);
    await queue.stop();
    queue.add("c", 0);
    expect(seen.slice(1)).toEqual(["b failed: not fetched: stopped", "a failed: not fetched: stopped", "c failed: not fetched: stopped"]);
  });

  it("have a limit", () => {
    for (let number = 0; number < 258; number++) queue.add(`b${number}`, 0);
    expect(seen).toEqual(["b0 started", "b257 failed: not fetched: too_many"]);
  });
});
