import { randomUUID } from "node:crypto";
import { createFakeClock } from "@umbel/protocol/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { outboxRepository } from "../../store/index.js";
import { createTestDatabase, type TestDatabase } from "../../store/testing.js";
import { backoff_ms, createOutbox, DONE, type JobHandler, OUTBOX_LIMITS, type OutboxEvent } from "./outbox.js";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

/** Workers that share the database, a clock and what they do. */
function openOutbox(handle: JobHandler, clock = createFakeClock()) {
  const events: OutboxEvent[] = [];
  const kind = `kind-${randomUUID()}`;
  const aggregateId = randomUUID();
  const worker = (handler: JobHandler = handle) =>
    createOutbox({
      store: database.store,
      clock,
      owner: randomUUID(),
      handlers: (asked) => (asked === kind ? handler : undefined),
      onEvent: (event) => events.push(event),
    });
  const enqueue = (idempotencyKey: string = randomUUID(), payload: unknown = {}) =>
    database.store.transaction((tx) => worker().enqueue(tx, { kind, aggregateId, idempotencyKey, payload }));
  const rows = () => outboxRepository.ofAggregate(database.store.db, aggregateId);
  return { worker, enqueue, rows, clock, events, aggregateId, kind };
}

describe("the outbox", () => {
  it("does the work of a transaction that commits, and none of one that does not", async () => {
    const done: unknown[] = [];
    const outbox = openOutbox(async ({ payload }) => {
      done.push(payload);
      return DONE;
    });
    const failing = database.store.transaction(async (tx) => {
      await outbox.worker().enqueue(tx, { kind: outbox.kind, aggregateId: outbox.aggregateId, idempotencyKey: randomUUID(), payload: 1 });
      throw new Error("no");
    });
    await expect(failing).rejects.toThrow("no");
    await outbox.enqueue(undefined, { amount: 2 });
    await outbox.worker().runDue(outbox.aggregateId);
    expect(done).toEqual([{ amount: 2 }]);
    expect(await outbox.rows()).toMatchObject([{ state: "done", attempts: 1, leaseOwner: null }]);
  });

  it("is told the same work once", async () => {
    const outbox = openOutbox(async () => DONE);
    const key = randomUUID();
    expect(await Promise.all([outbox.enqueue(key), outbox.enqueue(key), outbox.enqueue(key)])).toEqual(
      expect.arrayContaining([true, false, false]),
    );
    expect(await outbox.rows()).toHaveLength(1);
  });

  it("gives each job to one of several workers", async () => {
    const done: string[] = [];
    const outbox = openOutbox(async ({ payload }) => {
      done.push(String(payload));
      return DONE;
    });
    const names = Array.from({ length: 30 }, (_, index) => `job ${index}`);
    for (const name of names) await outbox.enqueue(undefined, name);
    const begun = await Promise.all([1, 2, 3].map(() => outbox.worker().runDue(outbox.aggregateId)));
    expect(begun.reduce((sum, count) => sum + count, 0)).toBe(30);
    expect([...done].sort()).toEqual([...names].sort());
  });

  it("waits longer from attempt to attempt, an hour at most", async () => {
    let attempts = 0;
    const outbox = openOutbox(async () => {
      attempts += 1;
      if (attempts < 3) throw new Error(`attempt ${attempts} with sk_test_verysecret`);
      return DONE;
    });
    await outbox.enqueue();
    const worker = outbox.worker();
    expect(await worker.runDue(outbox.aggregateId)).toBe(1);
    expect(await worker.runDue(outbox.aggregateId)).toBe(0);
    expect(await outbox.rows()).toMatchObject([{ state: "queued", lastError: "attempt 1 with …" }]);
    await outbox.clock.advance(4_999);
    expect(await worker.runDue(outbox.aggregateId)).toBe(0);
    await outbox.clock.advance(1);
    expect(await worker.runDue(outbox.aggregateId)).toBe(1);
    await outbox.clock.advance(10_000);
    await worker.runDue(outbox.aggregateId);
    expect(await outbox.rows()).toMatchObject([{ state: "done", attempts: 3 }]);
    expect(outbox.events.map(({ type }) => type)).toEqual(["job_postponed", "job_postponed"]);
    expect([1, 2, 3, 50].map(backoff_ms)).toEqual([5_000, 10_000, 20_000, 3_600_000]);
  });

  it("has a job done again whose worker died between its effect and its end", async () => {
    const effects = new Set<string>();
    let calls = 0;
    const outbox = openOutbox(async ({ aggregateId }) => {
      calls += 1;
      effects.add(aggregateId);
      return DONE;
    });
    await outbox.enqueue();
    const hanging = outbox.worker(async (job) => {
      effects.add(job.aggregateId);
      return new Promise(() => undefined);
    });
    void hanging.runDue(outbox.aggregateId);
    await expect.poll(() => effects.size).toBe(1);
    const other = outbox.worker();
    expect(await other.runDue(outbox.aggregateId)).toBe(0);
    await outbox.clock.advance(OUTBOX_LIMITS.lease_ms);
    expect(await other.runDue(outbox.aggregateId)).toBe(1);
    expect({ calls, effects: effects.size }).toEqual({ calls: 1, effects: 1 });
    expect(await outbox.rows()).toMatchObject([{ state: "done", attempts: 2 }]);
  });

  it("lets nobody write the end of a job whose lease is another's by now", async () => {
    const answers: ((verdict: typeof DONE) => void)[] = [];
    const outbox = openOutbox(() => new Promise((resolve) => answers.push(resolve)));
    await outbox.enqueue();
    const slow = outbox.worker().runDue(outbox.aggregateId);
    await expect.poll(() => answers.length).toBe(1);
    await outbox.clock.advance(OUTBOX_LIMITS.lease_ms);
    const second = outbox.worker(async () => ({ end: "dead", error: "a person must look" })).runDue(outbox.aggregateId);
    await second;
    answers[0]?.(DONE);
    await slow;
    expect(await outbox.rows()).toMatchObject([{ state: "dead", lastError: "a person must look" }]);
    expect(outbox.events).toMatchObject([{ type: "job_dead" }]);
  });

  it("puts aside what nobody can do, and what never succeeds, and goes on with the rest", async () => {
    const outbox = openOutbox(async ({ payload }) => {
      if (payload === "poison") throw new Error("poison");
      return DONE;
    });
    await outbox.enqueue(undefined, "poison");
    await outbox.enqueue(undefined, "fine");
    const stranger = { kind: "unheard-of", aggregateId: outbox.aggregateId, idempotencyKey: randomUUID() };
    await database.store.transaction((tx) => outbox.worker().enqueue(tx, stranger));
    await database.store.client`update outbox set attempts = ${OUTBOX_LIMITS.attempts_max - 1} where payload = ${'"poison"'}::text::jsonb`;
    await outbox.worker().runDue(outbox.aggregateId);
    expect((await outbox.rows()).map(({ state }) => state)).toEqual(["dead", "done", "dead"]);
    expect(await outbox.worker().runDue(outbox.aggregateId)).toBe(0);
  });

  it("tells a handler to stop before its lease ends", async () => {
    let stopped = false;
    const outbox = openOutbox(
      (_job, signal) =>
        new Promise((_, reject) =>
          signal.addEventListener("abort", () => {
            stopped = true;
            reject(signal.reason);
          }),
        ),
    );
    await outbox.enqueue();
    const run = outbox.worker().runDue(outbox.aggregateId);
    await expect.poll(() => outbox.clock.pendingTimers).toBe(1);
    await outbox.clock.advance(OUTBOX_LIMITS.handler_ms);
    await run;
    expect(stopped).toBe(true);
    expect(await outbox.rows()).toMatchObject([{ state: "queued", lastError: "the job took too long" }]);
  });

  it("forgets what has long been done, and nothing else", async () => {
    const outbox = openOutbox(async ({ payload }) => (payload === "dead" ? { end: "dead", error: "x" } : DONE));
    await outbox.enqueue(undefined, "done");
    await outbox.enqueue(undefined, "dead");
    const worker = outbox.worker();
    await worker.runDue(outbox.aggregateId);
    await outbox.clock.advance(OUTBOX_LIMITS.keptDone_ms + 1);
    await worker.sweep();
    expect(await outbox.rows()).toMatchObject([{ state: "dead" }]);
  });
});
