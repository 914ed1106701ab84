import { randomUUID } from "node:crypto";
import { createFakeClock } from "@umbel/protocol/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { outboxRepository, stripeEventRepository, type Tx } from "../../store/index.js";
import { createTestDatabase, type TestDatabase } from "../../store/testing.js";
import { createInbox, type EventHandler, INBOX_LIMITS, type InboxEvent, type IncomingEvent } from "./inbox.js";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

function openInbox(handle: EventHandler) {
  const clock = createFakeClock();
  const told: InboxEvent[] = [];
  const inbox = () => createInbox({ store: database.store, clock, handle, onEvent: (event) => told.push(event) });
  return { clock, told, inbox };
}

function event(): IncomingEvent {
  return { eventId: `evt_${randomUUID()}`, endpoint: "account", type: "test", livemode: false, payload: { a: 1 } };
}

/** An effect that shows how often it happened and is undone with its transaction. */
async function leaveTrace(tx: Tx, eventId: string): Promise<void> {
  const now = new Date(0);
  const row = { kind: "trace", aggregateId: eventId, idempotencyKey: randomUUID(), payload: {}, nextAt: now, createdAt: now };
  await outboxRepository.enqueue(tx, row);
}
const traces = async (eventId: string) => (await outboxRepository.ofAggregate(database.store.db, eventId)).length;

describe("the inbox", () => {
  it("processes an event once, however often and by however many it is received", async () => {
    const { inbox } = openInbox(async (tx, { eventId }) => leaveTrace(tx, eventId));
    const one = event();
    await Promise.all(Array.from({ length: 20 }, () => inbox().receive(one)));
    await inbox().receive(one);
    expect(await traces(one.eventId)).toBe(1);
  });

  it("undoes what a failing event has done, says so, and takes it up again later", async () => {
    let fails = true;
    const { inbox, clock, told } = openInbox(async (tx, { eventId }) => {
      await leaveTrace(tx, eventId);
      if (fails) throw new Error("not yet");
    });
    const one = event();
    await expect(inbox().receive(one)).rejects.toThrow("not yet");
    expect(await traces(one.eventId)).toBe(0);
    expect(told).toMatchObject([{ type: "event_failed", eventId: one.eventId, attempt: 1, error: "not yet" }]);
    fails = false;
    expect(await inbox().runDue()).toBe(0);
    await clock.advance(5_000);
    expect(await inbox().runDue()).toBe(1);
    await inbox().receive(one);
    expect(await traces(one.eventId)).toBe(1);
  });

  it("takes up what somebody took down and did not live to process", async () => {
    const { inbox, clock } = openInbox(async (tx, { eventId }) => leaveTrace(tx, eventId));
    const one = event();
    const receivedAt = clock.date();
    await stripeEventRepository.insert(database.store.db, { ...one, receivedAt, nextAt: new Date(receivedAt.getTime() + 60_000) });
    await clock.advance(60_000);
    expect(await inbox().runDue()).toBe(1);
    expect(await traces(one.eventId)).toBe(1);
  });

  it("goes on behind an event that always fails", async () => {
    const poison = event();
    const { inbox, clock } = openInbox(async (tx, { eventId }) => {
      if (eventId === poison.eventId) throw new Error("poison");
      await leaveTrace(tx, eventId);
    });
    await expect(inbox().receive(poison)).rejects.toThrow("poison");
    const fine = event();
    const receivedAt = clock.date();
    await stripeEventRepository.insert(database.store.db, { ...fine, receivedAt, nextAt: receivedAt });
    await clock.advance(5_000);
    expect(await inbox().runDue()).toBe(1);
    expect(await traces(fine.eventId)).toBe(1);
    await clock.advance(INBOX_LIMITS.keptProcessed_ms + 1);
    await inbox().sweep();
    expect((await stripeEventRepository.depth(database.store.db)).unprocessed).toBe(1);
  });
});
