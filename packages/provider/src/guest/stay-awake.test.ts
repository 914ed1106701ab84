import { createFakeClock } from "@umbel/protocol/testing";
import { describe, expect, it } from "vitest";
import { awakeCommand, startSystemProgram } from "./awake-program.js";
import { StayAwake } from "./stay-awake.js";

const BUSY = { inFlight: 1, onBattery: false };
const IDLE = { inFlight: 0, onBattery: false };

function setUp(platform: NodeJS.Platform = "linux") {
  const clock = createFakeClock();
  const said: string[] = [];
  let end: () => void = () => undefined;
  const awake = new StayAwake({
    ...{ clock, platform, onUnavailable: () => void said.push("warned") },
    start: ({ program }) => {
      said.push(program);
      const ended = new Promise<void>((resolve) => {
        end = resolve;
      });
      return { ended, release: () => void said.push("released") };
    },
  });
  return { clock, awake, end: () => end(), take: () => said.splice(0) };
}

describe("a machine that answers", () => {
  it("is kept awake once for all requests, and let go of when none came for a while", async () => {
    const { awake, clock, take } = setUp();
    awake.onLoad(IDLE);
    expect(take()).toEqual([]);
    awake.onLoad(BUSY);
    awake.onLoad({ ...BUSY, inFlight: 3 });
    awake.onLoad(IDLE);
    await clock.advance(29_000);
    awake.onLoad(BUSY);
    await clock.advance(60_000);
    expect(take()).toEqual(["systemd-inhibit"]);
    awake.onLoad(IDLE);
    awake.onLoad(IDLE);
    await clock.advance(30_000);
    expect(take()).toEqual(["released"]);
    awake.onLoad(BUSY);
    awake.stop();
    expect([take(), clock.pendingTimers]).toEqual([["systemd-inhibit", "released"], 0]);
  });

  it("is let sleep on its battery", () => {
    const { awake, take } = setUp("darwin");
    awake.onLoad({ ...BUSY, onBattery: true });
    awake.onLoad(BUSY);
    awake.onLoad({ ...BUSY, onBattery: true });
    expect(take()).toEqual(["/usr/bin/caffeinate", "released"]);
  });

  it("is asked no second time when it does not let itself be kept awake, and not where no way is known", async () => {
    const { awake, end, take } = setUp("win32");
    awake.onLoad(BUSY);
    end();
    await Promise.resolve();
    awake.onLoad(BUSY);
    expect(take()).toEqual(["powershell.exe", "warned"]);
    const other = setUp("freebsd");
    other.awake.onLoad(BUSY);
    expect(other.take()).toEqual([]);
  });

  it.skipIf(process.platform === "win32")("holds a program that ends when it is released, and notices one that is not there", async () => {
    const held = startSystemProgram({ program: "cat", args: [] });
    held.release();
    await held.ended;
    await startSystemProgram({ program: "/no/such/program", args: [] }).ended;
    expect(awakeCommand("linux")?.args.at(-1)).toBe("cat");
  });
});
