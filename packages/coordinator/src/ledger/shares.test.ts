import { randomUUID } from "node:crypto";
import { createFakeClock } from "@umbel/protocol/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Store } from "../store/index.js";
import { createTestDatabase, type TestDatabase } from "../store/testing.js";
import { audit } from "./testing/audit.js";
import { type Books, machine, openBooks, person, request, terminal, usage } from "./testing/books.js";

const DAY_MS = 24 * 3_600_000;
let database: TestDatabase;
let store: Store;
let books: Books;
const clock = createFakeClock();
beforeAll(async () => {
  database = await createTestDatabase();
  store = database.store;
});
afterAll(() => database.close());
beforeEach(async () => {
  books = await openBooks(store, { clock, settings: { platformFeePercent: 10, referralWindow_days: 30, unclaimed_days: 30 } });
});
afterEach(() => books.ledger.close(0));

const newPerson = (role?: "service") => person(books.ledger, store, { funds_microUsd: 10_000n, ...(role === undefined ? {} : { role }) });

async function brought(referrer: string, payer: string): Promise<void> {
  const code = randomUUID().slice(0, 8).toUpperCase();
  await store.client`insert into referrers (account_id, code) values (${referrer}, ${code}) on conflict do nothing`;
  const [row] = await store.client<{ code: string }[]>`select code from referrers where account_id = ${referrer}`;
  await store.client`insert into referrals (referred_account_id, referrer_code, created_at)
    values (${payer}, ${row?.code ?? ""}, ${clock.date().toISOString()})`;
}

/** A request of 1,000 µUSD, served and settled. */
async function pay(payer: string, servedBy = machine(`provider-${randomUUID()}`)): Promise<string> {
  const held = request(payer, { outputBound_tokens: 5_000, promptBound_tokens: 0 });
  await books.ledger.hold(held);
  expect(await books.ledger.settle(terminal(held.requestId, { usage: usage(0, 5_000), servedBy }))).toMatchObject({
    cost_microUsd: 1_000n,
  });
  return held.requestId;
}

const withdrawable = async (account: string) => (await books.ledger.balance(account)).withdrawable_microUsd;

describe("a referrer's share", () => {
  it("is paid out of the fee, once for a request, and can be withdrawn (sequence 2)", async () => {
    const [payer, referrer] = [await newPerson(), await newPerson()];
    await brought(referrer, payer);
    const provider = `provider-${randomUUID()}`;
    await books.ledger.gatherFees();
    const platform = (await books.ledger.balance("platform")).spendable_microUsd;
    const requestId = await pay(payer, machine(provider));
    expect(await books.ledger.settle(terminal(requestId))).toMatchObject({ replayed: true });
    expect(await withdrawable(provider)).toBe(900n);
    expect(await withdrawable(referrer)).toBe(20n);
    expect(await books.ledger.gatherFees()).toBe(80n);
    expect((await books.ledger.balance("platform")).spendable_microUsd - platform).toBe(80n);
    expect(await audit(store, [payer, referrer, provider], [])).toEqual([]);
  });

  it("is nothing for work of the referrer's own machines, nor where two have brought each other", async () => {
    const [payer, referrer] = [await newPerson(), await newPerson()];
    await brought(referrer, payer);
    await pay(payer, machine(referrer));
    expect(await withdrawable(referrer)).toBe(900n);
    await brought(payer, referrer);
    await pay(payer);
    expect(await withdrawable(referrer)).toBe(900n);
  });

  it("ends with its window", async () => {
    const [payer, referrer] = [await newPerson(), await newPerson()];
    await brought(referrer, payer);
    await clock.advance(31 * DAY_MS);
    await pay(payer);
    expect(await withdrawable(referrer)).toBe(0n);
  });

  it("is nothing for somebody who is frozen", async () => {
    const [payer, referrer] = [await newPerson(), await newPerson()];
    await brought(referrer, payer);
    await store.client`update users set frozen_reason = 'chargeback' where account_id = ${referrer}`;
    await pay(payer);
    expect(await withdrawable(referrer)).toBe(0n);
  });
});

describe("an aggregator", () => {
  it("pays no least charge, but something for something, and holds the least charge", async () => {
    const aggregator = await newPerson("service");
    const held = request(aggregator, { promptBound_tokens: 10, outputBound_tokens: 10 });
    expect(await books.ledger.hold(held)).toEqual({ ok: true, hold_microUsd: 100n });
    expect(await books.ledger.settle(terminal(held.requestId, { usage: usage(10, 10) }))).toMatchObject({ cost_microUsd: 2n });
    const little = request(aggregator, { promptBound_tokens: 10, outputBound_tokens: 10 });
    await books.ledger.hold(little);
    expect(await books.ledger.settle(terminal(little.requestId, { usage: usage(1, 0) }))).toMatchObject({ cost_microUsd: 1n });
    expect(await audit(store, [aggregator], [])).toEqual([]);
  });
});

describe("a frozen account", () => {
  it("can hold nothing, however much it has", async () => {
    const account = await newPerson();
    await store.client`update users set frozen_reason = 'chargeback' where account_id = ${account}`;
    expect(await books.ledger.hold(request(account))).toEqual({ ok: false, reason: "frozen" });
    await store.client`update users set frozen_reason = null where account_id = ${account}`;
    expect(await books.ledger.hold(request(account))).toMatchObject({ ok: true });
  });
});

describe("earnings of a machine without an owner", () => {
  const nobodys = () => ({ sessionId: "session", machineId: `machine-${randomUUID()}`, accountId: undefined });

  it("become the owner's when it gets one, once", async () => {
    const [payer, owner] = [await newPerson(), await newPerson()];
    const servedBy = nobodys();
    const jobs = [await pay(payer, servedBy), await pay(payer, servedBy)];
    expect(await Promise.all([books.ledger.claim(servedBy.machineId, owner), books.ledger.claim(servedBy.machineId, owner)])).toEqual(
      expect.arrayContaining([1_800n, 0n]),
    );
    expect(await withdrawable(owner)).toBe(1_800n);
    const rows = await store.client`select job_id from provider_earnings where account_id = ${owner} order by created_at`;
    expect(rows.map((row) => row["job_id"]).sort()).toEqual(jobs.sort());
    expect(await audit(store, [payer, owner], [])).toEqual([]);
  });

  it("do not include what the owner has paid itself: granted credit must not become earnings", async () => {
    const owner = await newPerson();
    const servedBy = nobodys();
    await pay(owner, servedBy);
    expect(await books.ledger.claim(servedBy.machineId, owner)).toBe(0n);
    expect(await withdrawable(owner)).toBe(0n);
  });

  it("are the platform's after their time", async () => {
    const [payer, owner] = [await newPerson(), await newPerson()];
    const servedBy = nobodys();
    await books.ledger.lapse();
    await clock.advance(1);
    await pay(payer, servedBy);
    const platform = (await books.ledger.balance("platform")).spendable_microUsd;
    expect(await books.ledger.lapse()).toBe(0n);
    await clock.advance(31 * DAY_MS);
    expect(await books.ledger.claim(servedBy.machineId, owner)).toBe(0n);
    expect(await books.ledger.lapse()).toBeGreaterThanOrEqual(900n);
    expect((await books.ledger.balance("platform")).spendable_microUsd).toBeGreaterThanOrEqual(platform + 900n);
    expect(await audit(store, [payer, owner], [])).toEqual([]);
  });
});
