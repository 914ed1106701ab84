import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { reserved, sendText, startTestFleet, type TestFleet, testModel, testSlot, testSpec } from "./testing/index.js";

let test: TestFleet;
beforeEach(async () => {
  test = await startTestFleet({ settings: { pingInterval_ms: 3_600_000, stale_ms: 3_600_000 } });
});
afterEach(() => test.close());

describe("reserving", () => {
  it("counts each reservation at once, so that no place is given away twice", async () => {
    await test.connect({ slots: [testSlot({ max_concurrency: 2 })] });
    await test.connect({ slots: [testSlot({ max_concurrency: 2 })] });
    const outcomes = Array.from({ length: 6 }, () => test.fleet.reserve(testSpec()));
    const machines = outcomes.flatMap((outcome) => (outcome.ok ? [outcome.attempt.provider.machineId] : []));
    expect(machines.length).toBe(4);
    expect(new Set(machines).size).toBe(2);
    expect(outcomes.at(-1)).toMatchObject({ ok: false, decision: { considered: 2, refusals: { concurrency: 2 } } });
  });

  it("counts the tokens of what it has placed", async () => {
    await test.connect({ slots: [testSlot({ token_budget_max: 1000 })] });
    expect(test.fleet.reserve(testSpec({ promptTokens: 500, maxOutputTokens: 400 })).ok).toBe(true);
    expect(test.fleet.reserve(testSpec({ promptTokens: 50, maxOutputTokens: 60 }))).toMatchObject({
      ok: false,
      decision: { refusals: { capacity: 1 } },
    });
    expect(test.fleet.reserve(testSpec({ promptTokens: 50, maxOutputTokens: 50 })).ok).toBe(true);
  });

  it("adds what it has placed to what the machine's figures count, and counts nothing twice", async () => {
    const provider = await test.connect({ slots: [testSlot({ token_budget_max: 1000 })] });
    const attempt = reserved(test, { promptTokens: 100, maxOutputTokens: 300 });
    await sendText(attempt, "hello");
    const { message } = await provider.request();
    expect(message.ordinal).toBe(1);
    const fits = (tokens: number) => test.fleet.preview(testSpec({ promptTokens: 0, maxOutputTokens: tokens })).candidates === 1;
    const report = async (used: number, seen: number, tokens?: number): Promise<void> => {
      const requests = tokens === undefined ? [] : [{ ordinal: 1, tokens, places: 1 }];
      const slot = testSlot({ token_budget_max: 1000, token_budget_used: used, requests });
      provider.heartbeat([slot], { requests_seen: seen });
      await provider.taken();
    };
    // The figures hold work of the machine's owner, and not yet the request.
    await report(500, 0);
    expect([fits(100), fits(101)]).toEqual([true, false]);
    await report(850, 1, 350);
    expect([fits(150), fits(151)]).toEqual([true, false]);
    // Given up, it is the machine's until it has said its last word.
    attempt.release();
    expect([fits(150), fits(151)]).toEqual([true, false]);
    provider.send({ type: "inference_error", request_id: message.request_id, error_class: "cancelled" });
    await provider.taken();
    expect([fits(500), fits(501)]).toEqual([true, false]);
  });

  it("looks only at machines that offer the build", async () => {
    await test.connect();
    await test.connect({ models: [testModel({ id: "other" })] });
    expect(test.fleet.preview(testSpec())).toMatchObject({ considered: 1, candidates: 1 });
    expect(test.fleet.preview(testSpec({ build: "nobody-has" }))).toMatchObject({ considered: 0, winner: undefined });
  });

  it("refuses machines whose weights are not the catalogue's", async () => {
    await test.connect();
    expect(test.fleet.reserve(testSpec({ weightHash: "cd".repeat(32) }))).toMatchObject({
      ok: false,
      decision: { refusals: { not_in_catalog: 1 } },
    });
  });

  it("does not place anything when it only previews", async () => {
    await test.connect({ slots: [testSlot({ max_concurrency: 1 })] });
    for (let i = 0; i < 5; i++) expect(test.fleet.preview(testSpec()).candidates).toBe(1);
    expect(test.fleet.reserve(testSpec()).ok).toBe(true);
  });

  it("keeps a private machine for its owner", async () => {
    await test.close();
    test = await startTestFleet({ tokens: { "umbel-pt-x": "owner" } });
    await test.connect({ privateOnly: true, authToken: "umbel-pt-x" });
    expect(test.fleet.reserve(testSpec())).toMatchObject({ ok: false, decision: { refusals: { private_only: 1 } } });
    expect(test.fleet.reserve(testSpec({ accountId: "owner", route: "self" })).ok).toBe(true);
  });

  it("gives a machine of nobody no requests where the operator wants owners", async () => {
    await test.close();
    test = await startTestFleet({ tokens: { "umbel-pt-x": "owner" }, settings: { requireLinked: true } });
    await test.connect();
    expect(test.fleet.reserve(testSpec())).toMatchObject({ ok: false, decision: { refusals: { private_only: 1 } } });
    await test.connect({ authToken: "umbel-pt-x" });
    expect(test.fleet.reserve(testSpec()).ok).toBe(true);
  });

  it("counts machines that are alike", async () => {
    await test.connect();
    await test.connect();
    await test.connect({ version: "9.0.0" });
    expect(test.fleet.census()).toEqual([
      { version: expect.any(String), trust_level: "self_signed", status: "online", machines: 2 },
      { version: "9.0.0", trust_level: "self_signed", status: "online", machines: 1 },
    ]);
  });

  it("places a request on the next machine when the first has failed it", async () => {
    const [a, b] = [await test.connect(), await test.connect()];
    const first = reserved(test);
    const second = reserved(test, { requestId: first.requestId, excluded: new Set([first.provider.sessionId]) });
    expect(new Set([first.provider.machineId, second.provider.machineId])).toEqual(new Set([a.machineId, b.machineId]));
  });
});

describe("the memory of failures", () => {
  it("rests a machine after five faults in a row, also when it reconnects", async () => {
    const provider = await test.connect({ serve: (request) => request.fail("engine_crash") });
    for (let i = 0; i < 5; i++) {
      const attempt = reserved(test);
      await sendText(attempt, "hello");
      await attempt.next();
      attempt.release();
    }
    const rest = await test.connect();
    expect(test.fleet.reserve(testSpec())).toMatchObject({ ok: true, attempt: { provider: { machineId: rest.machineId } } });
    await rest.close();
    await provider.close();
    await test.connect({ device: provider.device, slots: [testSlot({ max_concurrency: 1 })] });
    expect(reserved(test).decision).toMatchObject({ failedOpen: true });
  });

  it("counts a disconnection as one fault, however many requests it took along", async () => {
    const provider = await test.connect();
    for (let i = 0; i < 6; i++) await sendText(reserved(test), "hello");
    for (let i = 0; i < 6; i++) await provider.request();
    provider.kill();
    await test.event("disconnected");
    await test.connect({ device: provider.device });
    expect(reserved(test).decision.failedOpen).toBe(false);
  });

  it("counts deadlines that dispatch reports", async () => {
    await test.connect();
    for (let i = 0; i < 5; i++) {
      const attempt = reserved(test);
      attempt.reportTimeout();
      attempt.release();
    }
    expect(reserved(test).decision.failedOpen).toBe(true);
  });

  it("rests a build on a machine for two minutes after a failed load", async () => {
    const provider = await test.connect();
    const attempt = reserved(test);
    await sendText(attempt, "hello");
    (await provider.request()).fail("load_failed_memory");
    await attempt.next();
    attempt.release();
    expect(test.fleet.reserve(testSpec())).toMatchObject({ ok: false, decision: { refusals: { load_cooldown: 1 } } });
    await test.clock.advance(120_000);
    expect(test.fleet.reserve(testSpec()).ok).toBe(true);
  });
});

describe("waiting for capacity", () => {
  it("is told once for all that changes in one turn", async () => {
    const provider = await test.connect();
    let calls = 0;
    const stop = test.fleet.onCapacity("test-build", () => {
      calls += 1;
    });
    const attempts = [reserved(test), reserved(test), reserved(test)];
    for (const attempt of attempts) attempt.release();
    await Promise.resolve();
    expect(calls).toBe(1);
    provider.heartbeat();
    await provider.taken();
    expect(calls).toBe(2);
    stop();
    provider.heartbeat();
    await provider.taken();
    expect(calls).toBe(2);
  });

  it("is told of a new machine, and of one that left", async () => {
    const calls: string[] = [];
    test.fleet.onCapacity("test-build", () => calls.push("test-build"));
    test.fleet.onCapacity("other", () => calls.push("other"));
    const provider = await test.connect();
    expect(calls).toEqual(["test-build"]);
    await provider.close();
    await expect.poll(() => calls).toEqual(["test-build", "test-build"]);
  });
});

describe("shutting down", () => {
  it("tells every provider, and lets running work end", async () => {
    const provider = await test.connect();
    const attempt = reserved(test);
    await sendText(attempt, "hello");
    test.fleet.announceShutdown(600_000);
    expect(await provider.receive("going_away")).toEqual({
      ...{ type: "going_away", deadline_ms: 600_000 },
      reconnect_after_ms: expect.toSatisfy((wait_ms: number) => wait_ms >= 0 && wait_ms < 5_000),
    });
    await (await provider.request()).answer("done");
    for (;;) {
      const event = await attempt.next();
      if (event.type === "complete") break;
      expect(event.type).not.toBe("lost");
    }
  });

  it("closes every socket with 1001, blames no machine, and leaves no timer", async () => {
    const proven = await test.connect();
    const unproven = await test.open();
    const attempt = reserved(test);
    await sendText(attempt, "hello");
    await test.fleet.close();
    expect((await proven.closed).code).toBe(1001);
    expect((await unproven.closed).code).toBe(1001);
    expect(await attempt.next()).toEqual({ type: "lost", reason: "disconnected" });
    expect(test.fleet.connected()).toBe(0);
    expect(test.clock.pendingTimers).toBe(0);
  });

  it("does not wait for a peer that never answers the closing handshake", async () => {
    const provider = await test.connect();
    provider.socket.pause();
    const closing = test.fleet.close();
    await test.clock.advance(2_000);
    await closing;
    expect(test.clock.pendingTimers).toBe(0);
    provider.socket.resume();
  });
});

describe("capacity of a build", () => {
  it("adds up over the machines that offer it to everyone", async () => {
    await test.connect({ slots: [testSlot({ state: "running", num_running: 3, num_waiting: 1 })] });
    await test.connect({ slots: [testSlot({ state: "idle_shutdown" })] });
    await test.connect({ privateOnly: true });
    expect(test.fleet.capacity("test-build")).toEqual({
      build: "test-build",
      providers: 2,
      warmProviders: 1,
      routableProviders: 2,
      running: 3,
      waiting: 1,
      places: 16,
      canAccept: true,
      attested: 2,
      runningProviders: 1,
      decode_tps: 800,
      estimatedTtft_ms: 505,
      tokenBudgetUsed: 0,
      tokenBudgetMax: 200_000,
    });
  });

  it("counts memory that builds of one machine share once in what there is in all, beside what each has taken", async () => {
    const models = [testModel(), testModel({ id: "other-build" })];
    const shared = (model: string, token_budget_used: number) =>
      testSlot({ model, token_budget_used, token_budget_max: token_budget_used + 1_000 });
    await test.connect({ models, slots: [shared("test-build", 300), shared("other-build", 200)] });
    await test.connect({ slots: [testSlot({ token_budget_max: 500 })] });
    await test.connect({ privateOnly: true });
    expect(test.fleet.tokenPool()).toEqual({ used: 500, total: 2_000 });
    expect(test.fleet.capacity("test-build")).toMatchObject({ tokenBudgetUsed: 300, tokenBudgetMax: 1_800 });
  });

  it("does not count a machine that is not trusted any more", async () => {
    await test.connect();
    reserved(test).reportViolation("chunk does not open");
    expect(test.fleet.capacity("test-build")).toMatchObject({ providers: 0, warmProviders: 0, places: 0 });
  });

  it("counts as routable only machines with the catalogue's weights", async () => {
    await test.close();
    const build = () => ({ weightHash: "cd".repeat(32) });
    test = await startTestFleet({ catalog: { build, aliases: () => [], withdrawn: () => [], revision: () => 1 } });
    await test.connect();
    expect(test.fleet.capacity("test-build")).toMatchObject({ providers: 1, routableProviders: 0, canAccept: false });
  });

  it("follows what machines offer and whether they are there: it is read off the index, not counted along", async () => {
    const models = ["a", "b"].map((id) => testModel({ id }));
    const one = await test.connect({ models });
    const two = await test.connect({ models });
    const providers = () => ["a", "b", "c"].map((build) => test.fleet.capacity(build).providers);
    expect(providers()).toEqual([2, 2, 0]);
    // A newer connection of the same machine, with another inventory.
    const again = await test.connect({ device: one.device, models: [testModel({ id: "c" })] });
    await one.closed;
    expect(providers()).toEqual([1, 1, 1]);
    two.kill();
    await test.event("disconnected");
    await test.event("disconnected");
    expect(providers()).toEqual([0, 0, 1]);
    await again.close();
    await test.event("disconnected");
    expect(providers()).toEqual([0, 0, 0]);
  });

  it("is nothing for a build that nobody offers", () => {
    expect(test.fleet.capacity("nobody-has")).toMatchObject({ providers: 0, routableProviders: 0, canAccept: false });
  });
});
