import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Store } from "../store/index.js";
import { createTestDatabase, type TestDatabase } from "../store/testing.js";
import { IdempotencyConflictError, type Ledger } from "./index.js";
import { audit, openReservations } from "./testing/audit.js";
import { type Books, fund, machine, openBooks, request, terminal, usage } from "./testing/books.js";

let database: TestDatabase;
let store: Store;
let books: Books;
let ledger: Ledger;

beforeAll(async () => {
  database = await createTestDatabase();
  store = database.store;
});
afterAll(async () => {
  await database.close();
});
beforeEach(async () => {
  books = await openBooks(store);
  ledger = books.ledger;
});
afterEach(async () => {
  await ledger.close(0);
});

async function newKey(accountId: string, limit_microUsd: bigint | null, limitReset = "none"): Promise<string> {
  const id = `key_${randomUUID()}`;
  await store.client`insert into users (account_id, display_name) values (${accountId}, '') on conflict do nothing`;
  await store.client`insert into api_keys (id, key_hash, label, owner_account_id, name, limit_micro_usd, limit_reset, allowed_models)
    values (${id}, ${id}, '', ${accountId}, '', ${limit_microUsd}, ${limitReset}, '{}')`;
  return id;
}

describe("a request that is paid for", () => {
  it("holds the worst case, then costs what was used, and pays the provider", async () => {
    const consumer = await fund(ledger, 1_000_000n);
    const provider = `provider-${randomUUID()}`;
    const held = request(consumer);
    expect(await ledger.hold(held)).toEqual({ ok: true, hold_microUsd: 250n });
    expect(await ledger.balance(consumer)).toEqual({ spendable_microUsd: 999_750n, held_microUsd: 250n, withdrawable_microUsd: 0n });
    const outcome = await ledger.settle(terminal(held.requestId, { servedBy: machine(provider) }));
    expect(outcome).toEqual({ state: "settled", cost_microUsd: 100n, replayed: false });
    expect(await ledger.balance(consumer)).toEqual({ spendable_microUsd: 999_900n, held_microUsd: 0n, withdrawable_microUsd: 0n });
    expect(await ledger.balance(provider)).toEqual({ spendable_microUsd: 100n, held_microUsd: 0n, withdrawable_microUsd: 100n });
  });

  it("gives the platform its share and the provider the rest", async () => {
    const taxed = await openBooks(store, { settings: { platformFeePercent: 10 } });
    const consumer = await fund(taxed.ledger, 1_000_000n);
    const provider = `provider-${randomUUID()}`;
    await taxed.ledger.gatherFees();
    const before = await taxed.ledger.balance("platform");
    const held = request(consumer, { outputBound_tokens: 10_000 });
    await taxed.ledger.hold(held);
    await taxed.ledger.settle(terminal(held.requestId, { usage: usage(0, 5_000), servedBy: machine(provider) }));
    expect((await taxed.ledger.balance(provider)).spendable_microUsd).toBe(900n);
    const gathered = await Promise.all([taxed.ledger.gatherFees(), taxed.ledger.gatherFees()]);
    expect(gathered[0] + gathered[1]).toBe(100n);
    expect((await taxed.ledger.balance("platform")).spendable_microUsd - before.spendable_microUsd).toBe(100n);
    expect(await taxed.ledger.gatherFees()).toBe(0n);
    await taxed.ledger.close(0);
  });

  it("takes an account's own fee percentage, as it was at admission", async () => {
    const taxed = await openBooks(store, { settings: { platformFeePercent: 10 } });
    const consumer = await fund(taxed.ledger, 1_000_000n);
    await store.client`insert into users (account_id, display_name, platform_fee_percent) values (${consumer}, '', 50)`;
    const provider = `provider-${randomUUID()}`;
    const held = request(consumer);
    await taxed.ledger.hold(held);
    await store.client`update users set platform_fee_percent = 0 where account_id = ${consumer}`;
    await taxed.ledger.settle(terminal(held.requestId, { servedBy: machine(provider) }));
    expect((await taxed.ledger.balance(provider)).spendable_microUsd).toBe(50n);
    await taxed.ledger.close(0);
  });

  it("keeps the earnings of a machine without an account apart", async () => {
    const consumer = await fund(ledger, 1_000n);
    const before = await ledger.balance("sys:unclaimed");
    const held = request(consumer);
    await ledger.hold(held);
    await ledger.settle(terminal(held.requestId, { servedBy: machine(undefined) }));
    expect((await ledger.balance("sys:unclaimed")).spendable_microUsd - before.spendable_microUsd).toBe(100n);
    expect(await store.client`select account_id, machine_id, amount from provider_earnings where job_id = ${held.requestId}`).toEqual([
      { account_id: "sys:unclaimed", machine_id: "machine", amount: 100n },
    ]);
  });

  it("costs nothing on the consumer's own machine", async () => {
    const consumer = await fund(ledger, 1_000n);
    const held = request(consumer);
    await ledger.hold(held);
    expect(await ledger.settle(terminal(held.requestId, { servedBy: machine(consumer) }))).toMatchObject({ cost_microUsd: 0n });
    expect(await ledger.balance(consumer)).toEqual({ spendable_microUsd: 1_000n, held_microUsd: 0n, withdrawable_microUsd: 0n });
    expect(await store.client`select cost, is_public from usage where request_id = ${held.requestId}`).toEqual([
      { cost: 0n, is_public: false },
    ]);
  });

  it("costs nothing when nothing was used", async () => {
    const consumer = await fund(ledger, 1_000n);
    const held = request(consumer);
    await ledger.hold(held);
    expect(await ledger.settle(terminal(held.requestId, { usage: usage(0, 0) }))).toMatchObject({ state: "settled", cost_microUsd: 0n });
    expect((await ledger.balance(consumer)).spendable_microUsd).toBe(1_000n);
  });

  it("never costs more than was held, whatever the machine reports", async () => {
    const consumer = await fund(ledger, 1_000n);
    const huge = request(consumer);
    await ledger.hold(huge);
    expect(await ledger.settle(terminal(huge.requestId, { usage: usage(10 ** 9, 10 ** 9) }))).toMatchObject({ cost_microUsd: 250n });
    const negative = request(consumer);
    await ledger.hold(negative);
    expect(await ledger.settle(terminal(negative.requestId, { usage: usage(-(10 ** 9), -1) }))).toMatchObject({ cost_microUsd: 0n });
    expect((await ledger.balance(consumer)).spendable_microUsd).toBe(750n);
    expect(books.events).toContainEqual({ type: "usage_clamped", requestId: huge.requestId, machineId: "machine" });
  });

  it("is settled at the prices it was admitted at", async () => {
    const consumer = await fund(ledger, 10_000n);
    const build = `build-${randomUUID()}`;
    const held = request(consumer, { build, prices: { input_microUsd: 1_000_000n, output_microUsd: 1_000_000n, source: "platform" } });
    await ledger.hold(held);
    await store.client`insert into model_prices values ('platform', ${build}, 10000000, 10000000)`;
    expect(await ledger.settle(terminal(held.requestId))).toMatchObject({ cost_microUsd: 500n });
  });

  it("spends earnings last", async () => {
    const consumer = await fund(ledger, 300n);
    const payer = await fund(ledger, 1_000n);
    const earned = request(payer);
    await ledger.hold(earned);
    await ledger.settle(terminal(earned.requestId, { usage: usage(1_000, 1_000), servedBy: machine(consumer) }));
    expect(await ledger.balance(consumer)).toMatchObject({ spendable_microUsd: 550n, withdrawable_microUsd: 250n });
    for (const withdrawable_microUsd of [250n, 50n]) {
      const spent = request(consumer);
      await ledger.hold(spent);
      expect(await ledger.settle(terminal(spent.requestId, { usage: usage(1_000, 1_000) }))).toMatchObject({ cost_microUsd: 250n });
      expect((await ledger.balance(consumer)).withdrawable_microUsd).toBe(withdrawable_microUsd);
    }
  });
});

describe("a request ends once", () => {
  it("when two attempts complete at the same time", async () => {
    const consumer = await fund(ledger, 1_000n);
    const held = request(consumer);
    await ledger.hold(held);
    const rival = await openBooks(store);
    const outcomes = await Promise.all([
      ledger.settle(terminal(held.requestId)),
      ledger.settle(terminal(held.requestId)),
      rival.ledger.settle(terminal(held.requestId)),
    ]);
    expect(outcomes.every((outcome) => outcome.state === "settled" && outcome.cost_microUsd === 100n)).toBe(true);
    expect(await ledger.balance(consumer)).toMatchObject({ spendable_microUsd: 900n, held_microUsd: 0n });
    expect(await store.client`select 1 from ledger_transactions where reference = ${held.requestId}`).toHaveLength(1);
    await rival.ledger.close(0);
  });

  it("when many are settled, released and settled elsewhere all at the same time, machines and consumers paying each other", async () => {
    const rival = await openBooks(store);
    const accounts = [await fund(ledger, 10_000n), await fund(ledger, 10_000n)];
    const held = Array.from({ length: 60 }, (_, index) => request(accounts[index % 2] ?? ""));
    for (const each of held) await ledger.hold(each);
    await Promise.all(
      held.flatMap(({ requestId }, index) => {
        const settlement = terminal(requestId, { servedBy: machine(accounts[(index + 1) % 2]) });
        return [ledger.settle(settlement), rival.ledger.release(requestId, "provider_error"), rival.ledger.settle(settlement)];
      }),
    );
    expect(await audit(store, accounts, [])).toEqual([]);
    expect(await openReservations(store, accounts)).toBe(0);
    await rival.ledger.close(0);
  });

  it("parked, then settled by the provider's late terminal", async () => {
    const consumer = await fund(ledger, 1_000n);
    const held = request(consumer);
    await ledger.hold(held);
    expect(await ledger.park(held.requestId)).toBe(true);
    expect(await ledger.park(held.requestId)).toBe(true);
    expect(await ledger.settle(terminal(held.requestId, { usage: usage(10, 12), reason: "cancelled" }))).toMatchObject({
      cost_microUsd: 100n,
    });
    expect(await ledger.park(held.requestId)).toBe(false);
    expect(await ledger.release(held.requestId, "no_terminal_after_cancel")).toBe(false);
  });

  it("released, after which a terminal has no effect", async () => {
    const consumer = await fund(ledger, 1_000n);
    const held = request(consumer);
    await ledger.hold(held);
    expect(await ledger.release(held.requestId, "no_terminal_after_cancel")).toBe(true);
    expect(await ledger.release(held.requestId, "provider_error")).toBe(false);
    expect(await ledger.settle(terminal(held.requestId))).toEqual({ state: "released", replayed: true });
    expect(await ledger.balance(consumer)).toMatchObject({ spendable_microUsd: 1_000n, held_microUsd: 0n });
  });

  it("and is not admitted twice under one id", async () => {
    const consumer = await fund(ledger, 1_000n);
    const held = request(consumer);
    await ledger.hold(held);
    await expect(ledger.hold(held)).rejects.toThrow();
    expect((await ledger.balance(consumer)).held_microUsd).toBe(250n);
  });
});

describe("a request that cannot be paid for", () => {
  it("is refused with what it needs and what there is", async () => {
    const consumer = await fund(ledger, 249n);
    const refusal = { ok: false, reason: "insufficient_funds", needed_microUsd: 250n, spendable_microUsd: 249n };
    expect(await ledger.hold(request(consumer))).toEqual(refusal);
    expect(await ledger.hold(request(`stranger-${randomUUID()}`))).toEqual({ ...refusal, spendable_microUsd: 0n });
  });

  it("is refused exactly when the money is gone, however many come at once", async () => {
    const consumer = await fund(ledger, 25_000n);
    const outcomes = await Promise.all(Array.from({ length: 200 }, () => ledger.hold(request(consumer))));
    expect(outcomes.filter((outcome) => outcome.ok)).toHaveLength(100);
    expect(await ledger.balance(consumer)).toMatchObject({ spendable_microUsd: 0n, held_microUsd: 25_000n });
  });

  it("is refused by its key's cap before its account is asked", async () => {
    const consumer = await fund(ledger, 100_000n);
    const keyId = await newKey(consumer, 1_000n);
    const held = Array.from({ length: 5 }, () => request(consumer, { keyId, promptBound_tokens: 6_000, outputBound_tokens: 0 }));
    const outcomes = await Promise.all(held.map((each) => ledger.hold(each)));
    expect(outcomes.filter((outcome) => outcome.ok)).toHaveLength(3);
    const refusal = outcomes.find((outcome) => !outcome.ok);
    expect(refusal).toEqual({
      ok: false,
      reason: "key_limit",
      needed_microUsd: 300n,
      limit_microUsd: 1_000n,
      used_microUsd: 900n,
      window: "none",
    });
    const admitted = held.filter((_, index) => outcomes[index]?.ok);
    await Promise.all(admitted.map((each) => ledger.settle(terminal(each.requestId, { usage: usage(1, 0) }))));
    expect(await ledger.keySpend(keyId)).toEqual({ spent_microUsd: 300n, held_microUsd: 0n });
    expect(await ledger.hold(request(consumer, { keyId, promptBound_tokens: 6_000, outputBound_tokens: 0 }))).toMatchObject({ ok: true });
  });

  it("never passes its key's cap, however many come at once", async () => {
    const consumer = await fund(ledger, 1_000_000n);
    const keyId = await newKey(consumer, 2_500n);
    const outcomes = await Promise.all(Array.from({ length: 200 }, () => ledger.hold(request(consumer, { keyId }))));
    expect(outcomes.filter((outcome) => outcome.ok)).toHaveLength(10);
    expect(await ledger.keySpend(keyId)).toEqual({ spent_microUsd: 0n, held_microUsd: 2_500n });
  });

  it("counts against the window of its key in which it was admitted", async () => {
    const consumer = await fund(ledger, 100_000n);
    const keyId = await newKey(consumer, 400n, "daily");
    const before = request(consumer, { keyId });
    await ledger.hold(before);
    expect(await ledger.hold(request(consumer, { keyId }))).toMatchObject({ reason: "key_limit", window: "daily" });
    await books.clock.advance(24 * 3_600_000);
    await ledger.settle(terminal(before.requestId, { usage: usage(1_000, 1_000) }));
    expect(await ledger.keySpend(keyId)).toEqual({ spent_microUsd: 0n, held_microUsd: 0n });
    expect(await ledger.hold(request(consumer, { keyId }))).toMatchObject({ ok: true });
  });

  it("counts what was spent under another rule when the rule of a key changes", async () => {
    const consumer = await fund(ledger, 100_000n);
    const keyId = await newKey(consumer, 300n, "none");
    const before = request(consumer, { keyId });
    await ledger.hold(before);
    await ledger.settle(terminal(before.requestId, { usage: usage(1_000, 1_000) }));
    await store.client`update api_keys set limit_reset = 'monthly' where id = ${keyId}`;
    expect(await ledger.hold(request(consumer, { keyId }))).toMatchObject({ reason: "key_limit", used_microUsd: 250n, window: "monthly" });
  });
});

describe("credits", () => {
  it("are booked once per key, and a key is not used twice", async () => {
    const accountId = `consumer-${randomUUID()}`;
    const credit = {
      accountId,
      amount_microUsd: 500n,
      kind: "admin_credit",
      idempotencyKey: `gift:${accountId}`,
      reference: "welcome",
    } as const;
    await ledger.credit(credit);
    await ledger.credit(credit);
    expect(await ledger.balance(accountId)).toEqual({ spendable_microUsd: 500n, held_microUsd: 0n, withdrawable_microUsd: 0n });
    await expect(ledger.credit({ ...credit, amount_microUsd: 501n })).rejects.toThrow(IdempotencyConflictError);
    await expect(ledger.credit({ ...credit, accountId: "somebody" })).rejects.toThrow(IdempotencyConflictError);
    expect((await ledger.balance(accountId)).spendable_microUsd).toBe(500n);
  });

  it("must be positive, sane, and for an account of somebody", async () => {
    const credit = { accountId: "a", kind: "deposit", idempotencyKey: randomUUID(), reference: "" } as const;
    for (const amount_microUsd of [0n, -1n, 10n ** 15n + 1n]) {
      await expect(ledger.credit({ ...credit, amount_microUsd })).rejects.toThrow(RangeError);
    }
    await expect(ledger.credit({ ...credit, accountId: "platform", amount_microUsd: 1n })).rejects.toThrow(RangeError);
  });
});

describe("the journal", () => {
  it("cannot be changed afterwards", async () => {
    await fund(ledger, 1n);
    await expect(store.client`update ledger_entries set amount = 2`).rejects.toThrow("append-only");
    await expect(store.client`delete from ledger_entries`).rejects.toThrow("append-only");
    await expect(store.client`truncate ledger_transactions cascade`).rejects.toThrow("append-only");
  });

  it("refuses entries that do not sum to zero", async () => {
    const post = store.client`select ledger_post('kind', 'uneven', 'ref', array['a'], array['deposit'], array[1]::bigint[], array[false], now())`;
    await expect(post).rejects.toThrow("do not sum to zero");
  });
});

describe("prices", () => {
  it("are the list price, else the fallback, and follow a change at once", async () => {
    const build = `build-${randomUUID()}`;
    expect(await ledger.prices(build)).toEqual({ input_microUsd: 50_000n, output_microUsd: 200_000n, source: "fallback" });
    await store.client`insert into model_prices values ('platform', ${build}, 10000, 20000)`;
    await expect.poll(() => ledger.prices(build)).toEqual({ input_microUsd: 10_000n, output_microUsd: 20_000n, source: "platform" });
    await store.client`update model_prices set output_price = 30000 where model = ${build}`;
    await expect.poll(() => ledger.prices(build)).toMatchObject({ output_microUsd: 30_000n });
    const list = await ledger.listPrices();
    expect(list.prices).toContainEqual({ model: build, prices: { input_microUsd: 10_000n, output_microUsd: 30_000n, source: "platform" } });
    expect(list.fallback.source).toBe("fallback");
  });
});
