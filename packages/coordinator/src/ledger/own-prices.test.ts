import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Store } from "../store/index.js";
import { createTestDatabase, type TestDatabase } from "../store/testing.js";
import { createOwnPrices, type OwnPrices, PriceTooHighError } from "./own-prices.js";
import { FALLBACK_PRICES } from "./price.js";
import { audit } from "./testing/audit.js";
import { type Books, fund, machine, openBooks, person, request, terminal, usage } from "./testing/books.js";

let database: TestDatabase;
let store: Store;
let books: Books;
let prices: OwnPrices;
beforeAll(async () => {
  database = await createTestDatabase();
  store = database.store;
});
afterAll(() => database.close());
beforeEach(async () => {
  books = await openBooks(store);
  prices = createOwnPrices({ store, clock: books.clock, random: () => 0.5, listPrice: books.ledger.prices, multiple_max: 10 });
});
afterEach(() => books.ledger.close(0));

const TWICE = { input_microUsd: 100_000n, output_microUsd: 400_000n };
const asked = (requestId: string, attempt: number, accountId: string | undefined) => ({
  requestId,
  attempt,
  machineId: "machine",
  accountId,
});

/** A provider that asks for twice the list price of a build of its own. */
async function dearProvider(): Promise<{ readonly provider: string; readonly build: string }> {
  const provider = `provider-${randomUUID()}`;
  const build = `build-${randomUUID()}`;
  await prices.set(provider, build, TWICE);
  return { provider, build };
}

describe("a provider's own price", () => {
  it("is held before its machine is asked, and what it used is charged by it (sequence 3)", async () => {
    const { provider, build } = await dearProvider();
    const consumer = await fund(books.ledger, 1_000n);
    const held = request(consumer, { build });
    await books.ledger.hold(held);
    expect(await books.ledger.attempt(asked(held.requestId, 0, provider))).toEqual({ ok: true, ownPrices: TWICE });
    expect(await books.ledger.balance(consumer)).toMatchObject({ held_microUsd: 500n, spendable_microUsd: 500n });
    const settlement = terminal(held.requestId, { attempt: 0, ownPrices: TWICE, usage: usage(1_000, 900), servedBy: machine(provider) });
    expect(await books.ledger.settle(settlement)).toMatchObject({ cost_microUsd: 460n });
    expect(await books.ledger.balance(consumer)).toEqual({ spendable_microUsd: 540n, held_microUsd: 0n, withdrawable_microUsd: 0n });
    expect(await books.ledger.balance(provider)).toMatchObject({ withdrawable_microUsd: 460n });
    expect(await audit(store, [consumer, provider], [])).toEqual([]);
  });

  it("is no obstacle to others where the balance is too low for it, and leaves nothing held (sequence 3)", async () => {
    const { provider, build } = await dearProvider();
    const consumer = await fund(books.ledger, 400n);
    const held = request(consumer, { build });
    await books.ledger.hold(held);
    expect(await books.ledger.attempt(asked(held.requestId, 0, provider))).toEqual({ ok: false });
    expect(await books.ledger.attempt(asked(held.requestId, 1, `other-${randomUUID()}`))).toEqual({ ok: true, ownPrices: undefined });
    expect(await books.ledger.balance(consumer)).toMatchObject({ held_microUsd: 250n });
    await books.ledger.release(held.requestId, "no_provider");
    expect(await books.ledger.balance(consumer)).toMatchObject({ held_microUsd: 0n, spendable_microUsd: 400n });
    expect(await audit(store, [consumer], [])).toEqual([]);
  });

  it("is held for the dearest machine that is under way, and given back when that one is given up", async () => {
    const { provider, build } = await dearProvider();
    const dearer = `provider-${randomUUID()}`;
    await prices.set(dearer, build, { input_microUsd: 150_000n, output_microUsd: 600_000n });
    const consumer = await fund(books.ledger, 1_000n);
    const held = request(consumer, { build });
    await books.ledger.hold(held);
    await books.ledger.attempt(asked(held.requestId, 0, provider));
    await books.ledger.attempt(asked(held.requestId, 1, dearer));
    expect((await books.ledger.balance(consumer)).held_microUsd).toBe(750n);
    await books.ledger.abandon(held.requestId, 1);
    await books.ledger.abandon(held.requestId, 1);
    expect((await books.ledger.balance(consumer)).held_microUsd).toBe(500n);
    await books.ledger.abandon(held.requestId, 0);
    expect((await books.ledger.balance(consumer)).held_microUsd).toBe(250n);
    await books.ledger.release(held.requestId, "no_provider");
    await books.ledger.abandon(held.requestId, 0);
    expect((await books.ledger.balance(consumer)).held_microUsd).toBe(0n);
    expect(await audit(store, [consumer], [])).toEqual([]);
  });

  it("counts against the cap of a key", async () => {
    const { provider, build } = await dearProvider();
    const consumer = await person(books.ledger, store, { funds_microUsd: 10_000n });
    const keyId = `key_${randomUUID()}`;
    await store.client`insert into api_keys (id, key_hash, label, owner_account_id, name, limit_micro_usd, limit_reset, allowed_models)
      values (${keyId}, ${keyId}, '', ${consumer}, '', 400, 'none', '{}')`;
    const held = request(consumer, { build, keyId });
    await books.ledger.hold(held);
    expect(await books.ledger.attempt(asked(held.requestId, 0, provider))).toEqual({ ok: false });
    expect(await books.ledger.keySpend(keyId)).toEqual({ spent_microUsd: 0n, held_microUsd: 250n });
    expect(await audit(store, [consumer], [keyId])).toEqual([]);
  });

  it("is nothing to aggregators, to its owner, and to machines of nobody", async () => {
    const { provider, build } = await dearProvider();
    const aggregator = await person(books.ledger, store, { role: "service", funds_microUsd: 1_000n });
    const forAggregator = request(aggregator, { build });
    await books.ledger.hold(forAggregator);
    expect(await books.ledger.attempt(asked(forAggregator.requestId, 0, provider))).toEqual({ ok: true, ownPrices: undefined });
    await fund(books.ledger, 1_000n, provider);
    const forOwner = request(provider, { build });
    await books.ledger.hold(forOwner);
    expect(await books.ledger.attempt(asked(forOwner.requestId, 0, provider))).toEqual({ ok: true, ownPrices: undefined });
    expect(await books.ledger.attempt(asked(forOwner.requestId, 1, undefined))).toEqual({ ok: true, ownPrices: undefined });
  });

  it("that is raised while a request runs changes nothing for it (sequence 15)", async () => {
    const { provider, build } = await dearProvider();
    const consumer = await fund(books.ledger, 10_000n);
    const held = request(consumer, { build });
    await books.ledger.hold(held);
    const outcome = await books.ledger.attempt(asked(held.requestId, 0, provider));
    await prices.set(provider, build, { input_microUsd: 500_000n, output_microUsd: 2_000_000n });
    expect(outcome).toEqual({ ok: true, ownPrices: TWICE });
    const settlement = terminal(held.requestId, { attempt: 0, ownPrices: TWICE, usage: usage(1_000, 1_000), servedBy: machine(provider) });
    expect(await books.ledger.settle(settlement)).toMatchObject({ cost_microUsd: 500n });
  });

  it("has a ceiling, a list and a history", async () => {
    const { provider, build } = await dearProvider();
    const tooHigh = { ...TWICE, output_microUsd: FALLBACK_PRICES.output_microUsd * 10n + 1n };
    await expect(prices.set(provider, build, tooHigh)).rejects.toThrow(PriceTooHighError);
    await expect(prices.set(provider, build, { ...TWICE, input_microUsd: 0n })).rejects.toThrow(RangeError);
    expect(await prices.list(provider)).toEqual([{ model: build, ...TWICE, updatedAt: expect.any(Date) }]);
    expect(await prices.remove(provider, build)).toBe(true);
    expect(await prices.remove(provider, build)).toBe(false);
    expect(await prices.list(provider)).toEqual([]);
    expect(
      await store.client`select input_price, output_price, actor from model_price_history where account_id = ${provider} order by id`,
    ).toEqual([
      { input_price: 100_000n, output_price: 400_000n, actor: provider },
      { input_price: null, output_price: null, actor: provider },
    ]);
  });
});
