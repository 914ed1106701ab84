import { generateDeviceKey } from "@umbel/protocol";
import { nativeCrypto } from "@umbel/protocol/native";
import { createFakeClock } from "@umbel/protocol/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createTrust } from "../../trust/index.js";
import { FLEET_DEFAULTS } from "../settings.js";
import {
  createMemoryMachines,
  reserved,
  sendText,
  startTestFleet,
  TEST_BUILD,
  type TestFleet,
  testSlot,
  testSpec,
} from "../testing/index.js";

const { challengeInterval_ms, stale_ms, sweepInterval_ms, challengeFreshness_ms, challengeTimeout_ms } = FLEET_DEFAULTS;
/** Sweeps and pings have tests of their own; here they must not end connections on which time only seems to pass. */
const QUIET = { stale_ms: 24 * 3_600_000, pingInterval_ms: 24 * 3_600_000 };

let test: TestFleet;
afterEach(() => test.close());

const routable = (): number => test.fleet.preview(testSpec()).candidates;

describe("the challenges of a session", () => {
  beforeEach(async () => {
    test = await startTestFleet({ settings: QUIET });
  });

  it("come every five minutes, each with a new nonce, and keep the machine fresh", async () => {
    const provider = await test.connect();
    const nonces = new Set<string>();
    for (let i = 0; i < 4; i++) {
      await test.clock.advance(challengeInterval_ms);
      nonces.add((await provider.receive("attestation_challenge")).nonce);
      expect(await test.event("challenge")).toMatchObject({ outcome: "passed" });
    }
    expect(nonces.size).toBe(4);
    expect(4 * challengeInterval_ms).toBeGreaterThan(challengeFreshness_ms);
    expect(routable()).toBe(1);
  });

  it("may go unanswered twice; the third time the machine loses trust, and one good answer restores it", async () => {
    const provider = await test.connect({ answersChallenges: false });
    for (let i = 0; i < 2; i++) await test.clock.advance(challengeInterval_ms + challengeTimeout_ms);
    expect(routable()).toBe(1);
    await test.clock.advance(challengeInterval_ms + challengeTimeout_ms);
    expect(await provider.receive("trust_status")).toMatchObject({ status: "untrusted", reason: "challenge timeout" });
    expect(routable()).toBe(0);

    await test.clock.advance(challengeInterval_ms);
    for (let i = 0; i < 3; i++) await provider.receive("attestation_challenge");
    await provider.answer(await provider.receive("attestation_challenge"));
    expect(await provider.receive("trust_status")).toMatchObject({ status: "online" });
    expect(routable()).toBe(1);
  });

  it("close the connection with 1008 when six in a row are not answered", async () => {
    const provider = await test.connect({ answersChallenges: false });
    await test.clock.advance(6 * (challengeInterval_ms + challengeTimeout_ms));
    expect(await provider.closed).toEqual({ code: 1008, reason: "attestation unresponsive — reconnect required" });
  });

  it("come as often, and may go unanswered as long and as often, as the operator says", async () => {
    const settings = { challengeInterval_ms: 1_000, challengeTimeout_ms: 2_000, silencesToUntrust: 1, silencesToClose: 2 };
    const strict = await startTestFleet({ settings: { ...QUIET, ...settings } });
    try {
      const provider = await strict.connect({ answersChallenges: false });
      await strict.clock.advance(2_999);
      expect(strict.fleet.preview(testSpec()).candidates).toBe(1);
      await strict.clock.advance(1);
      expect(strict.fleet.preview(testSpec()).candidates).toBe(0);
      await strict.clock.advance(3_000);
      expect(await provider.closed).toMatchObject({ code: 1008 });
    } finally {
      await strict.close();
    }
  });

  it("do not accept an answer after its deadline", async () => {
    const provider = await test.connect({ answersChallenges: false });
    await test.clock.advance(challengeInterval_ms);
    const challenge = await provider.receive("attestation_challenge");
    await test.clock.advance(challengeTimeout_ms);
    await provider.answer(challenge);
    expect(await test.event("frame_ignored")).toMatchObject({ reason: "unknown_challenge" });
  });

  it("take trust at once for a wrong answer, for good after the third", async () => {
    const provider = await test.connect({ answersChallenges: false });
    for (let i = 0; i < 3; i++) {
      await test.clock.advance(challengeInterval_ms);
      await provider.answer(await provider.receive("attestation_challenge"), { claims: { session_id: "another" } });
      expect(await test.event("challenge")).toMatchObject({ outcome: "wrong" });
      expect(routable()).toBe(0);
    }
    expect(await provider.receive("trust_status")).toMatchObject({ status: "untrusted", reason: "session mismatch" });
    expect(await test.event("untrusted")).toMatchObject({ machineId: provider.machineId });
    await test.clock.advance(2 * challengeInterval_ms);
    expect(provider.messages.waiting().filter((message) => message.type === "attestation_challenge")).toEqual([]);
  });

  it("refuse a counter that has been used", async () => {
    const provider = await test.connect({ answersChallenges: false });
    await test.clock.advance(challengeInterval_ms);
    await provider.answer(await provider.receive("attestation_challenge"), { claims: { counter: 1 } });
    expect(await provider.receive("trust_status")).toMatchObject({ status: "untrusted", reason: "counter not increasing" });
  });

  it("make a machine untrusted for good when it answers for another encryption key", async () => {
    const provider = await test.connect({ answersChallenges: false });
    await test.clock.advance(challengeInterval_ms);
    const claims = { encryption_key_thumbprint: "00".repeat(32) };
    await provider.answer(await provider.receive("attestation_challenge"), { claims });
    expect(await test.event("untrusted")).toMatchObject({ reason: "public key mismatch" });
  });
});

describe("a machine that broke the protocol", () => {
  it("stays untrusted when it reconnects, and no heartbeat lifts that", async () => {
    test = await startTestFleet();
    const device = await generateDeviceKey();
    const first = await test.connect({ device });
    reserved(test).reportViolation("chunk does not open");
    await first.close();

    const second = await test.connect({ device });
    second.heartbeat();
    await second.taken();
    expect(test.fleet.connected()).toBe(1);
    expect(routable()).toBe(0);
  });

  it("stays untrusted after the coordinator has restarted", async () => {
    const machines = createMemoryMachines();
    test = await startTestFleet({ machines });
    const device = await generateDeviceKey();
    await test.connect({ device });
    reserved(test).reportViolation("chunk does not open");
    await test.close();

    test = await startTestFleet({ machines });
    const provider = await test.open({ device });
    const { challenge } = await provider.register();
    await provider.answer(challenge);
    expect(await provider.receive("trust_status")).toMatchObject({ status: "untrusted", reason: "chunk does not open" });
    expect(routable()).toBe(0);
  });

  it("is remembered although the database failed, and stored as soon as it answers again", async () => {
    const machines = createMemoryMachines();
    let isDown = true;
    const markUntrusted: typeof machines.markUntrusted = (...args) =>
      isDown ? Promise.reject(new Error("no database")) : machines.markUntrusted(...args);
    test = await startTestFleet({ machines: { ...machines, markUntrusted }, settings: QUIET });
    const provider = await test.connect();
    reserved(test).reportViolation("chunk does not open");
    await test.clock.advance(sweepInterval_ms);
    expect(machines.rows.get(provider.machineId)?.untrustedReason).toBeUndefined();
    isDown = false;
    await test.clock.advance(sweepInterval_ms);
    expect(machines.rows.get(provider.machineId)?.untrustedReason).toBe("chunk does not open");
  });

  it("is known to a second fleet that shares the memory of violations", async () => {
    const clock = createFakeClock();
    const trust = createTrust({ clock, randomBytes: (length) => nativeCrypto.randomBytes(length) });
    test = await startTestFleet({ clock, trust });
    const device = await generateDeviceKey();
    await test.connect({ device });
    reserved(test).reportViolation("chunk does not open");
    await test.close();
    test = await startTestFleet({ clock, trust });
    await test.connect({ device });
    expect(routable()).toBe(0);
  });
});

describe("a machine whose program is none that is known", () => {
  const KNOWN = "ab".repeat(32);
  const WITHDRAWN = "cd".repeat(32);

  it.each([
    ["off", 3],
    ["report", 3],
    ["enforce", 1],
  ] as const)("is counted, and where the check is %s, %s of three machines may serve", async (runtimeCheck, serving) => {
    const known = new Set([KNOWN]);
    const runtimes = { has: (hash: string | undefined) => hash !== undefined && known.has(hash) };
    test = await startTestFleet({ runtimes, settings: { ...QUIET, runtimeCheck } });
    await test.connect({ runtimeHash: KNOWN });
    const withdrawn = await test.connect({ runtimeHash: WITHDRAWN });
    const unnamed = await test.connect();
    expect([routable(), test.fleet.unknownRuntimes()]).toEqual([serving, 2]);
    if (runtimeCheck === "off") return;
    const mismatch = (got: string) => ({ verified: false, mismatches: [{ component: "program", got }] });
    expect(await withdrawn.receive("runtime_status")).toMatchObject(mismatch(WITHDRAWN));
    expect(await unnamed.receive("runtime_status")).toMatchObject(mismatch("not a release"));
    if (runtimeCheck === "report") return;
    expect(test.fleet.preview(testSpec()).refusals).toEqual({ runtime_unverified: 2 });
    const told = new Promise<void>((resolve) => test.fleet.onCapacity(TEST_BUILD, resolve));
    known.add(WITHDRAWN);
    test.fleet.runtimesChanged();
    expect([routable(), test.fleet.unknownRuntimes()]).toEqual([2, 1]);
    await told;
    expect(await withdrawn.receive("runtime_status")).toEqual({ type: "runtime_status", verified: true, enforced: true });
    known.clear();
    test.fleet.runtimesChanged();
    expect(routable()).toBe(0);
  });
});

describe("a machine that vanishes", () => {
  beforeEach(async () => {
    test = await startTestFleet({ settings: QUIET });
  });

  it.each([
    [0.85, true, "oom_suspected"],
    [0.85, false, "socket_error"],
    [0.95, false, "oom_suspected"],
    [0.1, true, "socket_error"],
  ])("at a memory pressure of %s, at work: %s, is told of as %s", async (memory_pressure, isAtWork, reason) => {
    const provider = await test.connect();
    provider.send({
      type: "heartbeat",
      status: "idle",
      stats: { requests_served: 0, tokens_generated: 0, cancellations_received: 0, errors: 0, worker_restarts: 0 },
      system_metrics: { memory_pressure, cpu_usage: 0, thermal_state: "nominal" },
      capacity: { slots: [testSlot()], total_memory_gb: 16, free_for_load_gb: 8 },
    });
    await provider.taken();
    if (isAtWork) await sendText(reserved(test), "hello");
    provider.kill();
    expect(await test.event("disconnected")).toMatchObject({ reason });
  });
});

describe("a machine that is silent", () => {
  it("is disconnected when it is stale on two sweeps in a row, not on one", async () => {
    test = await startTestFleet({ settings: { pingInterval_ms: QUIET.pingInterval_ms } });
    const provider = await test.connect();
    await test.clock.advance(stale_ms + sweepInterval_ms);
    expect(test.fleet.connected()).toBe(1);
    await test.clock.advance(sweepInterval_ms);
    expect(test.fleet.connected()).toBe(0);
    expect(await test.event("disconnected")).toMatchObject({ reason: "stale" });
    expect((await provider.closed).code).toBe(1006);
  });

  it("starts anew with a heartbeat between the sweeps", async () => {
    test = await startTestFleet({ settings: { pingInterval_ms: QUIET.pingInterval_ms } });
    const provider = await test.connect();
    await test.clock.advance(stale_ms + sweepInterval_ms);
    provider.heartbeat();
    await provider.taken();
    await test.clock.advance(sweepInterval_ms);
    expect(test.fleet.connected()).toBe(1);
  });
});

describe("heartbeats", () => {
  beforeEach(async () => {
    test = await startTestFleet({ settings: QUIET });
  });

  it("replace what is known of the machine", async () => {
    const provider = await test.connect();
    expect(test.fleet.capacity("test-build")).toMatchObject({ warmProviders: 1, running: 0, waiting: 0, routableProviders: 1 });
    provider.heartbeat([testSlot({ state: "running", num_running: 8, num_waiting: 2 })]);
    await provider.taken();
    expect(test.fleet.capacity("test-build")).toMatchObject({
      warmProviders: 1,
      running: 8,
      waiting: 2,
      routableProviders: 0,
      canAccept: false,
    });
    provider.heartbeat([testSlot({ state: "crashed" })]);
    await provider.taken();
    expect(test.fleet.capacity("test-build")).toMatchObject({ warmProviders: 0, routableProviders: 0 });
  });

  it("store when the machine was last seen, at most once a minute", async () => {
    const machines = createMemoryMachines();
    const seen: Date[] = [];
    await test.close();
    test = await startTestFleet({
      machines: { ...machines, seen: async (_, _counters, seenAt) => void seen.push(seenAt) },
      settings: QUIET,
    });
    const provider = await test.connect();
    for (let second = 0; second < 120; second += 10) {
      await test.clock.advance(10_000);
      provider.heartbeat();
      await provider.taken();
    }
    expect(seen.map((date) => date.toISOString())).toEqual(["2026-01-01T00:01:00.000Z", "2026-01-01T00:02:00.000Z"]);
  });
});

describe("a machine that rests", () => {
  it("gets nothing until it says that it takes work again", async () => {
    test = await startTestFleet({ settings: QUIET });
    const provider = await test.connect();
    const report = (rest_reasons?: ("paused" | "memory")[]) =>
      provider.send({
        type: "heartbeat",
        status: "idle",
        stats: { requests_served: 0, tokens_generated: 0, cancellations_received: 0, errors: 0, worker_restarts: 0 },
        system_metrics: { memory_pressure: 0, cpu_usage: 0, thermal_state: "nominal" },
        capacity: { slots: [testSlot()], total_memory_gb: 16, free_for_load_gb: 8 },
        ...(rest_reasons && { rest_reasons }),
      });
    report(["paused", "memory"]);
    await provider.taken();
    expect(test.fleet.preview(testSpec()).refusals).toMatchObject({ draining: 1 });
    report();
    await provider.taken();
    expect(routable()).toBe(1);
  });
});

describe("a machine that drains", () => {
  it("gets nothing for half a minute, then is asked again", async () => {
    test = await startTestFleet({ settings: QUIET });
    const provider = await test.connect();
    const attempt = reserved(test);
    await sendText(attempt, "hello");
    (await provider.request()).fail("draining");
    await attempt.next();
    attempt.release();
    expect(test.fleet.preview(testSpec()).refusals).toMatchObject({ draining: 1 });
    await test.clock.advance(29_999);
    provider.heartbeat();
    await provider.taken();
    expect(routable()).toBe(0);
    await test.clock.advance(1);
    provider.heartbeat();
    await provider.taken();
    expect(routable()).toBe(1);
  });
});
