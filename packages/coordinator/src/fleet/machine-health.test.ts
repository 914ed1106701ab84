import { createFakeClock } from "@umbel/protocol/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createMachineHealth, HEALTH_BATCH_max } from "./machine-health.js";
import type { MachineHealthRow, MachineStore } from "./ports.js";
import { createMemoryMachines, reserved, sendText, startTestFleet, type TestFleet, testSpec } from "./testing/index.js";

const QUIET = { pingInterval_ms: 3_600_000, stale_ms: 3_600_000 };

describe("what is remembered of a machine", () => {
  let machines: MachineStore;
  let test: TestFleet;
  beforeEach(async () => {
    machines = createMemoryMachines();
    test = await startTestFleet({ settings: QUIET, machines });
  });
  afterEach(() => test.close());

  /** As of a coordinator that was stopped and started, with the same database and another monotonic clock. */
  async function restart(): Promise<void> {
    await test.close();
    test = await startTestFleet({ settings: QUIET, machines });
  }

  async function fail(machineId: string, times: number): Promise<void> {
    for (let fault = 0; fault < times; fault += 1) {
      const attempt = reserved(test);
      expect(attempt.provider.machineId).toBe(machineId);
      attempt.reportTimeout();
      attempt.release();
    }
  }

  /** What refuses machines, asked with a healthy one beside, without which rests are overlooked. */
  async function refusals(): Promise<unknown> {
    const healthy = await test.connect();
    const { refusals } = reserved(test).decision;
    healthy.kill();
    await test.event("disconnected");
    return refusals;
  }
  it("is not laundered by a reconnect, nor by a restart of the coordinator, and ends when it would have ended", async () => {
    const provider = await test.connect();
    await test.clock.advance(10_000);
    await fail(provider.machineId, 2);
    expect(await refusals()).toEqual({ error_cooldown: 1 });

    provider.kill();
    await test.event("disconnected");
    const again = await test.connect({ device: provider.device });
    expect(await refusals()).toEqual({ error_cooldown: 1 });
    expect(test.fleet.standing(again.machineId).reputation).toMatchObject({ jobsFailed: 2 });

    await restart();
    await test.connect({ device: provider.device });
    expect(await refusals()).toEqual({ error_cooldown: 1 });
    expect(test.fleet.standing(provider.machineId).reputation).toMatchObject({ jobsFailed: 2 });
    // It began at 10 s by the wall clock, which stands at 0 again, and lasts five minutes.
    await test.clock.advance(309_999);
    expect(await refusals()).toEqual({ error_cooldown: 1 });
    await test.clock.advance(1);
    expect(await refusals()).toEqual({});
  });

  it("keeps a breaker open over a restart", async () => {
    const provider = await test.connect();
    for (const needsTools of [false, true, false, true]) {
      const attempt = reserved(test, { needsTools });
      attempt.reportTimeout();
      attempt.release();
      await test.clock.advance(70_000);
    }
    reserved(test).reportTimeout();
    expect(await test.event("breaker")).toMatchObject({ state: "opened", machineId: provider.machineId });
    await restart();
    await test.connect({ device: provider.device });
    expect(await refusals()).toEqual({ breaker_open: 1 });
  });

  it("counts a disconnection with work in flight against the machine, whichever connection it had", async () => {
    const provider = await test.connect();
    for (let request = 0; request < 2; request += 1) await sendText(reserved(test), "hello");
    provider.kill();
    await test.event("disconnected");
    expect(test.fleet.standing(provider.machineId).reputation).toMatchObject({ jobsOk: 0, jobsFailed: 1 });
    await restart();
    await test.connect({ device: provider.device });
    expect(test.fleet.standing(provider.machineId).reputation.jobsFailed).toBe(1);
  });

  it("grows with heartbeats and challenges", async () => {
    const provider = await test.connect();
    await test.clock.advance(60_000);
    provider.heartbeat();
    await provider.taken();
    await test.clock.advance(240_000);
    await test.event("challenge");
    const { reputation, score } = test.fleet.standing(provider.machineId);
    expect(reputation).toMatchObject({ uptime_ms: 60_000, challengesOk: 1, challengesFailed: 0 });
    expect(score).toBeCloseTo(0.4 * 0.5 + 0.3 * 0.5 + 0.2 + 0.1 * 0.5, 10);
  });

  it("prefers other releases while one fails on many machines, and tells the operator once", async () => {
    const bad = [];
    for (let machine = 0; machine < 3; machine += 1) bad.push(await test.connect({ version: "2.0.0" }));
    for (const needsTools of [false, true, false, true, false]) {
      for (const { machineId } of bad) {
        const spec = testSpec({ needsTools, allowedMachines: new Set([machineId]) });
        const outcome = test.fleet.reserve(spec);
        if (!outcome.ok) throw new Error("the machine is there");
        outcome.attempt.reportTimeout();
        outcome.attempt.release();
      }
      await test.clock.advance(61_000);
    }
    expect(await test.event("suspect_release")).toMatchObject({ version: "2.0.0", state: "raised" });
    // Breakers are over by now, and a fresh machine of the same release is suspect from its first moment.
    const fresh = await test.connect({ version: "2.0.0" });
    const other = await test.connect({ version: "1.9.0" });
    for (let request = 0; request < 3; request += 1) expect(reserved(test).provider.machineId).toBe(other.machineId);
    await test.clock.advance(15 * 60_000);
    expect(await test.event("suspect_release")).toMatchObject({ state: "cleared" });
    const served = new Set(Array.from({ length: 6 }, () => reserved(test).provider.machineId));
    expect(served).toContain(fresh.machineId);
  });
});

describe("storing the health of machines", () => {
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };

  it("goes in batches, and again when the database failed", async () => {
    const clock = createFakeClock();
    const batches: number[] = [];
    let isDown = true;
    const saveHealth = async (rows: readonly MachineHealthRow[]): Promise<void> => {
      if (isDown) throw new Error("down");
      batches.push(rows.length);
    };
    const health = createMachineHealth({ saveHealth }, clock, log);
    for (let machine = 0; machine < HEALTH_BATCH_max + 1; machine += 1) health.memory.challenged(`machine ${machine}`, "passed");
    await health.flush();
    isDown = false;
    health.storeSoon();
    health.storeSoon();
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(1_000);
    expect(batches).toEqual([HEALTH_BATCH_max, 1]);
    await health.flush();
    expect(batches).toHaveLength(2);
  });

  it("does not read what it has not written", () => {
    const clock = createFakeClock();
    const health = createMachineHealth({ saveHealth: async () => undefined }, clock, log);
    for (const stored of [undefined, null, { form: 2 }, { form: 1, breaker: "open" }, "x"]) health.restore("machine", stored);
    expect(health.memory.standing("machine").score).toBe(0.5);
  });
});
