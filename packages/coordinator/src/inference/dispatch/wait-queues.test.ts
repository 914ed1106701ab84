import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Attempt } from "../../fleet/index.js";
import { reserved, startTestFleet, TEST_BUILD, type TestFleet, testSlot, testSpec } from "../../fleet/testing/index.js";
import { createWaitQueues, LAST_CALL_MS, type Waited, type WaitQueues } from "./wait-queues.js";

const ONE_PLACE = [testSlot({ max_concurrency: 1 })];
const WAIT_ms = 120_000;

describe("waiting for a place", () => {
  let test: TestFleet;
  let queues: WaitQueues;
  const gone = new AbortController().signal;

  beforeEach(async () => {
    test = await startTestFleet();
    queues = createWaitQueues(test.fleet, test.clock, { queueSize: 10, queueWait_ms: WAIT_ms });
  });
  afterEach(() => test.close());

  async function everyPlaceTaken(): Promise<Attempt> {
    await test.connect({ slots: ONE_PLACE });
    return reserved(test);
  }

  function attemptOf(waited: Waited): Attempt {
    if (waited.outcome !== "reserved") throw new Error(`not reserved: ${waited.outcome}`);
    return waited.attempt;
  }

  it.each(["the place first", "the time first"])("loses no place that becomes free just when the wait is over (%s)", async (order) => {
    const taken = await everyPlaceTaken();
    const timers = test.clock.pendingTimers;
    const waiting = queues.wait(testSpec(), gone);
    if (order === "the place first") {
      test.clock.setTimer(WAIT_ms - 1e-9, () => taken.release());
      await test.clock.advance(WAIT_ms);
      attemptOf(await waiting).release();
    } else {
      test.clock.setTimer(WAIT_ms, () => taken.release());
      await test.clock.advance(WAIT_ms);
      expect(await waiting).toEqual({ outcome: "timeout" });
    }
    expect(queues.depth(TEST_BUILD)).toBe(0);
    // Nobody holds the only place: it can be had at once.
    reserved(test).release();
    expect(test.clock.pendingTimers).toBe(timers);
  });

  it("ends five seconds after the last call, unless a place is free before or the call is taken back", async () => {
    const taken = await everyPlaceTaken();
    const waits = [queues.wait(testSpec({ accountId: "a" }), gone), queues.wait(testSpec({ accountId: "b" }), gone)];
    queues.lastCall(true);
    queues.lastCall(false);
    await test.clock.advance(LAST_CALL_MS);
    expect(queues.depth(TEST_BUILD)).toBe(2);
    queues.lastCall(true);
    const empty = queues.nobodyWaits();
    await test.clock.advance(LAST_CALL_MS - 1);
    taken.release();
    const second = attemptOf(await (waits[0] ?? Promise.reject(new Error("nobody waits"))));
    await test.clock.advance(1);
    expect(await waits[1]).toEqual({ outcome: "timeout" });
    await empty;
    const late = queues.wait(testSpec(), gone);
    await test.clock.advance(0);
    expect(await late).toEqual({ outcome: "timeout" });
    second.release();
  });

  it("ends at once where the build has left the catalogue", async () => {
    const taken = await everyPlaceTaken();
    const waiting = queues.wait(testSpec(), gone);
    queues.dismiss((build) => build !== TEST_BUILD);
    expect(queues.depth(TEST_BUILD)).toBe(1);
    queues.dismiss((build) => build === TEST_BUILD);
    expect(await waiting).toEqual({ outcome: "timeout" });
    expect(queues.depth(TEST_BUILD)).toBe(0);
    taken.release();
  });

  it("tells a wait that was too long from a deadline of the caller's, and both from a caller who left", async () => {
    await everyPlaceTaken();
    const leaving = new AbortController();
    const waits = [
      queues.wait(testSpec({ accountId: "a" }), gone),
      queues.wait(testSpec({ accountId: "b" }), gone, { deadline_ms: 30_000 }),
      queues.wait(testSpec({ accountId: "c" }), leaving.signal),
    ];
    await test.clock.advance(30_000);
    expect(await waits[1]).toEqual({ outcome: "deadline" });
    leaving.abort();
    expect(await waits[2]).toEqual({ outcome: "gone" });
    expect(queues.depth(TEST_BUILD)).toBe(1);
    await test.clock.advance(WAIT_ms - 30_000);
    expect(await waits[0]).toEqual({ outcome: "timeout" });
  });

  it("hands a place over once, to whoever's turn it is", async () => {
    const taken = await everyPlaceTaken();
    const waits = ["crowd", "crowd", "other"].map((accountId) => queues.wait(testSpec({ accountId }), gone));
    taken.release();
    const first = attemptOf((await waits[0]) as Waited);
    expect(queues.depth(TEST_BUILD)).toBe(2);
    first.release();
    attemptOf((await waits[2]) as Waited).release();
    attemptOf((await waits[1]) as Waited).release();
    expect(queues.depth(TEST_BUILD)).toBe(0);
  });

  it("lets a request that a machine has failed go before those that had none", async () => {
    const taken = await everyPlaceTaken();
    const waits = [queues.wait(testSpec({ accountId: "a" }), gone), queues.wait(testSpec({ accountId: "b" }), gone, { isRetry: true })];
    taken.release();
    attemptOf((await waits[1]) as Waited).release();
    attemptOf((await waits[0]) as Waited).release();
  });

  it("ends every wait when the last machine that could serve has left", async () => {
    const provider = await test.connect({ slots: ONE_PLACE });
    reserved(test);
    const waiting = queues.wait(testSpec(), gone);
    const own = queues.wait(testSpec({ route: "self" }), gone);
    provider.kill();
    expect(await waiting).toMatchObject({ outcome: "nobody", decision: { candidates: 0 } });
    // The caller's own machine may come back.
    expect(queues.depth(TEST_BUILD)).toBe(1);
    await test.clock.advance(WAIT_ms);
    expect(await own).toEqual({ outcome: "timeout" });
  });

  it("ends a wait for which every machine is too slow by now", async () => {
    const taken = await everyPlaceTaken();
    const waiting = queues.wait(testSpec({ ttftCeiling_ms: 0.5 }), gone);
    await test.clock.advance(0);
    expect(queues.depth(TEST_BUILD)).toBe(1);
    taken.release();
    expect(await waiting).toMatchObject({ outcome: "too_slow" });
  });

  it("counts the wait as time to the first token: who may not begin later is let go when that is over, unless a machine has failed it", async () => {
    await everyPlaceTaken();
    const waits = [
      queues.wait(testSpec({ ttftCeiling_ms: 5_000 }), gone),
      queues.wait(testSpec({ ttftCeiling_ms: 5_000, accountId: "b" }), gone, { deadline_ms: 4_000 }),
      queues.wait(testSpec({ ttftCeiling_ms: 5_000 }), gone, { isRetry: true }),
    ];
    await test.clock.advance(5_000);
    expect(await Promise.all(waits.slice(0, 2))).toEqual([{ outcome: "too_slow" }, { outcome: "deadline" }]);
    expect(queues.depth(TEST_BUILD)).toBe(1);
    await test.clock.advance(WAIT_ms);
    expect(await waits[2]).toEqual({ outcome: "timeout" });
  });

  it("turns away who would still wait when the time is over, once it is known how fast places become free", async () => {
    queues = createWaitQueues(test.fleet, test.clock, { queueSize: 10, queueWait_ms: 20_000 });
    await test.connect({ slots: ONE_PLACE });
    for (let request = 0; request < 5; request += 1) {
      const attempt = reserved(test);
      await test.clock.advance(10_000);
      attempt.release();
    }
    reserved(test);
    const waits = ["a", "b", "c"].map((accountId) => queues.wait(testSpec({ accountId }), gone));
    expect(await waits[2]).toEqual({ outcome: "too_long" });
    expect(queues.depth(TEST_BUILD)).toBe(2);
    await test.clock.advance(20_000);
    await Promise.all(waits);
  });

  it("has, for a build that is named, exactly the length and patience that are given, however many places there are", async () => {
    const named = { queueSizes: new Map([[TEST_BUILD, 1]]), queueWaits_ms: new Map([[TEST_BUILD, 7_000]]) };
    queues = createWaitQueues(test.fleet, test.clock, { queueSize: 10, queueWait_ms: WAIT_ms, ...named });
    await everyPlaceTaken();
    expect([queues.limit(TEST_BUILD), queues.limit("another")]).toEqual([1, 10]);
    const waiting = queues.wait(testSpec(), gone);
    expect(queues.isFull(testSpec())).toBe(true);
    expect(await queues.wait(testSpec(), gone)).toEqual({ outcome: "full" });
    await test.clock.advance(7_000);
    expect(await waiting).toEqual({ outcome: "timeout" });
  });

  it("keeps an owner's machine for its owner, whoever else waits", async () => {
    const fleet = await startTestFleet({ tokens: { token: "owner" } });
    const own = createWaitQueues(fleet.fleet, fleet.clock, { queueSize: 10, queueWait_ms: WAIT_ms });
    try {
      await fleet.connect({ slots: ONE_PLACE, authToken: "token" });
      const taken = reserved(fleet);
      const stranger = own.wait(testSpec({ accountId: "stranger" }), gone);
      const preferring = own.wait(testSpec({ accountId: "owner", route: "prefer" }), gone);
      const insisting = own.wait(testSpec({ accountId: "owner", route: "self" }), gone);
      taken.release();
      const first = attemptOf(await insisting);
      first.release();
      const second = attemptOf(await preferring);
      second.release();
      attemptOf(await stranger).release();
    } finally {
      await fleet.close();
    }
  });
});
