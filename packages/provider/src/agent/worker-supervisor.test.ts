import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { createFakeClock } from "@umbel/protocol/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AGENT_LIMITS } from "./limits.js";
import { type SupervisorOptions, WorkerSupervisor } from "./worker-supervisor.js";

const unlucky = fileURLToPath(new URL("./testing/unlucky-worker.mjs", import.meta.url));
const permissionFlag = ["--permission", "--experimental-permission"].find((flag) => process.allowedNodeEnvironmentFlags.has(flag));

let home: string;
beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), "umbel-supervisor-"));
});
afterEach(() => rm(home, { recursive: true }));

function supervise(entry: string, flag: string | undefined) {
  const clock = createFakeClock();
  const events: string[] = [];
  let wake: () => void = () => undefined;
  const note = (event: string) => {
    events.push(event);
    wake();
  };
  const silent = () => undefined;
  const options: SupervisorOptions = {
    entry,
    keyDirectory: path.join(home, "keys"),
    engine: { kind: "llama.cpp" },
    models: [],
    modelsDirectory: path.join(home, "models"),
    confinement: { networkPrefix: [], permissionFlag: flag },
    clock,
    random: () => 0.5,
    logger: { debug: silent, info: silent, warn: silent, error: silent },
    onReady: () => note("ready"),
    onState: silent,
    onForward: silent,
    onLoadStatus: silent,
    onModels: silent,
    onOfferRefused: silent,
    onFrame: silent,
    onLost: () => note("lost"),
    onFailed: (code) => note(code),
  };
  const until = async (count: number) => {
    while (events.length < count) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { clock, events, until, supervisor: new WorkerSupervisor(options) };
}

describe("a supervisor", () => {
  it.skipIf(permissionFlag === undefined)("starts the next worker without the permission model when it stopped the last one", async () => {
    const { clock, events, until, supervisor } = supervise(unlucky, permissionFlag);
    await supervisor.start();
    await until(1);
    await clock.advance(AGENT_LIMITS.restart_first_ms);
    await until(3);
    expect(events).toEqual(["lost", "inspector_attached", "lost"]);
    expect(supervisor.restarts).toBe(1);
    expect(clock.pendingTimers).toBe(0);
  });

  it("waits longer and longer before it replaces workers that keep dying", async () => {
    const { clock, until, supervisor } = supervise(path.join(path.dirname(unlucky), "absent.mjs"), undefined);
    await supervisor.start();
    for (const [ordinal, wait_ms] of [750, 1500, 3000].entries()) {
      await until(ordinal + 1);
      await clock.advance(wait_ms - 1);
      expect(supervisor.restarts).toBe(ordinal);
      await clock.advance(1);
      expect(supervisor.restarts).toBe(ordinal + 1);
    }
    await until(4);
    await supervisor.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  it("signs nothing while there is no worker", async () => {
    const { supervisor } = supervise(unlucky, undefined);
    expect(await supervisor.sign({ type: "sign_registration", claims: {} })).toBeUndefined();
  });
});
