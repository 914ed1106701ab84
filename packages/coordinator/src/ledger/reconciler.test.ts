import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTestDatabase, type TestDatabase } from "../store/testing.js";
import type { LedgerEvent } from "./events.js";
import { createReconciler, type Reconciler } from "./reconciler.js";
import { type Books, fund, openBooks, request, terminal } from "./testing/books.js";

describe("the reconciler", () => {
  let database: TestDatabase;
  let books: Books;
  let reconciler: Reconciler;
  const events: LedgerEvent[] = [];
  beforeAll(async () => {
    database = await createTestDatabase();
    books = await openBooks(database.store);
    const { store } = database;
    reconciler = createReconciler({ store, clock: books.clock, random: () => 0.5, onEvent: (event) => events.push(event) });
  });
  afterAll(async () => {
    await books.ledger.close(0);
    await database.close();
  });

  async function serve(): Promise<{ readonly consumer: string; readonly requestId: string }> {
    const consumer = await fund(books.ledger, 1_000n);
    const { requestId, ...held } = request(consumer);
    await books.ledger.hold({ requestId, ...held });
    return { consumer, requestId };
  }

  it("finds nothing in books that balance, and says what is open", async () => {
    const { requestId } = await serve();
    await books.ledger.settle(terminal(requestId));
    await serve();
    await books.clock.advance(700_000);
    await serve();
    const health = await reconciler.check();
    expect(health).toMatchObject({ violations: [], holdsByAge: [1, 0, 1, 0] });
    expect(health.waiting).toEqual([{ name: "holds", count: 2, oldest: expect.any(Date) }]);
    expect(health.house.map(({ account }) => account)).toContain("sys:stripe");
    expect(reconciler.latest()).toEqual(health);
    expect(events).toEqual([]);
  });

  it.each([
    [
      "P2",
      "a balance that no entry explains",
      (consumer: string) => database.store.client`update balances set balance = balance + 7 where account_id = ${consumer}`,
    ],
    [
      "P4",
      "a hold that nobody gives back",
      (consumer: string) => database.store.client`update balances set held = held + 7 where account_id = ${consumer}`,
    ],
    [
      "P5",
      "a request that was settled without a charge",
      (_: string, requestId: string) =>
        database.store.client`update reservations set state = 'settled', cost = 5, finalized_at = now() where request_id = ${requestId}`,
    ],
  ] as const)("%s: says precisely what is wrong with %s, and leaves it as it is", async (property, _what, spoil) => {
    const { consumer, requestId } = await serve();
    await spoil(consumer, requestId);
    const { violations } = await reconciler.check();
    const own = violations.filter(({ subject }) => subject.includes(consumer) || subject.includes(requestId));
    expect(own.map((found) => found.property)).toContain(property);
    expect(own.find((found) => found.property === property)?.difference).toMatch(/\d/);
    expect(events).toContainEqual(expect.objectContaining({ type: "invariant_violated", property }));
    expect((await reconciler.check()).violations.length).toBeGreaterThanOrEqual(violations.length);
  });

  it("tells of settlements that were put aside", async () => {
    await database.store.client`insert into settlement_dead_letter (request_id, payload, error) values (${randomUUID()}, '{}', 'test')`;
    expect((await reconciler.check()).waiting).toContainEqual({ name: "dead_letters", count: 1, oldest: expect.any(Date) });
  });
});
