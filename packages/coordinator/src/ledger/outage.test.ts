import { readFile } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openStore, type Store } from "../store/index.js";
import { createTestDatabase, type TestDatabase } from "../store/testing.js";
import { type LedgerEvent, LedgerUnavailableError } from "./index.js";
import { ANSWER_AFTER_MS, SPILL_AFTER_MS } from "./settlements.js";
import { type Books, fund, openBooks, request, terminal } from "./testing/books.js";
import { layCable } from "./testing/cable.js";

let database: TestDatabase;
let cable: Awaited<ReturnType<typeof layCable>>;
let store: Store;
let books: Books;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  await database.close();
});
beforeEach(async () => {
  cable = await layCable(database.databaseUrl);
  store = await openStore({ databaseUrl: cable.databaseUrl, connections_max: 4 });
  books = await openBooks(store);
});
afterEach(async () => {
  await books.ledger.close(0);
  await store.close();
  cable.close();
});

function seen(type: LedgerEvent["type"]): number {
  return books.events.filter((event) => event.type === type).length;
}

async function lines(): Promise<number> {
  const text = await readFile(books.spillPath, "utf8").catch(() => "");
  return text.split("\n").filter((line) => line !== "").length;
}

/** Moves the clock until something real has happened; the database is not on the fake clock. */
async function advanceUntil(done: () => boolean | Promise<boolean>, step_ms: number): Promise<void> {
  await expect
    .poll(
      async () => {
        await books.clock.advance(step_ms);
        return done();
      },
      { timeout: 25_000 },
    )
    .toBe(true);
}

describe("while the database is away", () => {
  it("terminals wait on disk, answers are given, and everything is booked afterwards", async () => {
    const { ledger, clock } = books;
    const consumer = await fund(ledger, 10_000n);
    const held = Array.from({ length: 10 }, () => request(consumer));
    for (const each of held) await ledger.hold(each);
    cable.pull();
    const outcomes = Promise.all(held.map((each) => ledger.settle(terminal(each.requestId))));
    await expect.poll(() => seen("retry")).toBeGreaterThanOrEqual(10);
    expect(await lines()).toBe(0);
    await clock.advance(SPILL_AFTER_MS);
    await expect.poll(() => seen("spilled")).toBe(10);
    expect(await lines()).toBe(10);
    await clock.advance(ANSWER_AFTER_MS - SPILL_AFTER_MS);
    const pending = await outcomes;
    expect(pending).toMatchObject(held.map(() => ({ state: "pending" })));
    await cable.plugIn();
    await advanceUntil(() => seen("settled") === 10, 1_000);
    await expect.poll(lines).toBe(0);
    const [first] = pending;
    expect(first?.state === "pending" && (await first.afterwards)).toEqual({ state: "settled", cost_microUsd: 100n, replayed: false });
    expect(await ledger.balance(consumer)).toEqual({ spendable_microUsd: 9_000n, held_microUsd: 0n, withdrawable_microUsd: 0n });
  });

  it("what is on disk is booked by the next start, once", async () => {
    const { ledger, clock, spillPath } = books;
    const consumer = await fund(ledger, 1_000n);
    const held = request(consumer);
    await ledger.hold(held);
    cable.pull();
    const outcome = ledger.settle(terminal(held.requestId));
    await clock.advance(ANSWER_AFTER_MS);
    expect(await outcome).toMatchObject({ state: "pending" });
    const next = await openBooks(database.store, { spillPath });
    expect(await next.ledger.recover()).toEqual({ replayed: 1, released: 0 });
    expect(await next.ledger.recover()).toEqual({ replayed: 0, released: 0 });
    expect(await next.ledger.balance(consumer)).toMatchObject({ spendable_microUsd: 900n, held_microUsd: 0n });
    expect(await lines()).toBe(0);
    await next.ledger.close(0);
    await cable.plugIn();
  });

  it("closing puts what is not booked on disk", async () => {
    const { ledger, spillPath } = books;
    const consumer = await fund(ledger, 1_000n);
    const held = request(consumer);
    await ledger.hold(held);
    cable.pull();
    const outcome = ledger.settle(terminal(held.requestId));
    await expect.poll(() => seen("retry")).toBeGreaterThan(0);
    await ledger.close(0);
    expect(await outcome).toMatchObject({ state: "pending" });
    expect(await lines()).toBe(1);
    const next = await openBooks(database.store, { spillPath });
    expect(await next.ledger.recover()).toMatchObject({ replayed: 1 });
    await next.ledger.close(0);
    await cable.plugIn();
    books = await openBooks(store);
  });

  it("nothing is admitted, and no balance or price is made up", async () => {
    const { ledger } = books;
    const consumer = await fund(ledger, 1_000n);
    cable.pull();
    await expect(ledger.hold(request(consumer))).rejects.toThrow(LedgerUnavailableError);
    await expect(ledger.balance(consumer)).rejects.toThrow(LedgerUnavailableError);
    await expect(ledger.prices("never looked up")).rejects.toThrow(LedgerUnavailableError);
    await expect(ledger.keySpend("key")).rejects.toThrow(LedgerUnavailableError);
    await expect(ledger.recover()).rejects.toThrow(LedgerUnavailableError);
    await cable.plugIn();
  });

  it("a hold that got no answer is given back", async () => {
    const { ledger } = books;
    const consumer = await fund(ledger, 1_000n);
    // A first one, so that the statement is prepared and the next one goes out whole.
    const { requestId } = request(consumer);
    await ledger.hold(request(consumer, { requestId }));
    await ledger.release(requestId, "no_provider");
    cable.pullAfterNextRequest();
    await expect(ledger.hold(request(consumer))).rejects.toThrow(LedgerUnavailableError);
    await expect
      .poll(async () => (await database.store.client`select held from balances where account_id = ${consumer}`)[0])
      .toEqual({ held: 250n });
    await cable.plugIn();
    await advanceUntil(async () => (await ledger.balance(consumer)).held_microUsd === 0n, 2_000);
  });

  it("a release that failed is repeated until it is done", async () => {
    const { ledger } = books;
    const consumer = await fund(ledger, 1_000n);
    const held = request(consumer);
    await ledger.hold(held);
    cable.pull();
    await expect(ledger.release(held.requestId, "provider_error")).rejects.toThrow(LedgerUnavailableError);
    await cable.plugIn();
    await advanceUntil(async () => (await ledger.balance(consumer)).held_microUsd === 0n, 1_000);
  });
});
