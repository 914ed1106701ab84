import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { accountRepository, withdrawalRepository } from "../store/index.js";
import { createTestDatabase, type TestDatabase } from "../store/testing.js";
import type { Fault } from "./testing/fake-stripe/desk.js";
import { DOLLAR, openPayments, type TestPayments } from "./testing/open-payments.js";

/** A few in the tests of every day; `UMBEL_PAYMENT_RUNS` plays more. */
const RUNS = Number(process.env["UMBEL_PAYMENT_RUNS"] ?? 4);
const TIMEOUT_ms = 30_000 * RUNS;
const HOUR = 3_600_000;

let database: TestDatabase;
let test: TestPayments;
beforeAll(async () => {
  database = await createTestDatabase();
  test = await openPayments(database.store, { withdrawals: { dailyMax_microUsd: 1_000_000n * DOLLAR, hold_ms: 0 } });
});
afterAll(async () => {
  await test.close();
  await database.close();
});

async function person(): Promise<string> {
  const accountId = randomUUID();
  await accountRepository.insertIfAbsent(database.store.db, accountId, "x");
  return accountId;
}

/** Everything that payments and the ledger keep of an account, to see whether it changed. */
async function photograph(accountId: string): Promise<string> {
  const { client } = database.store;
  return JSON.stringify(
    [
      await client`select balance, withdrawable, held, seq from balances where account_id = ${accountId}`,
      await client`select * from ledger_entries where account_id = ${accountId} order by seq`,
      await client`select * from billing_sessions where account_id = ${accountId} order by id`,
      await client`select id, status, refunded, transfer_id, payout_id, reversal_id from withdrawals where account_id = ${accountId} order by id`,
      await client`select id, state, taken from payment_disputes where account_id = ${accountId} order by id`,
    ],
    (_, value) => (typeof value === "bigint" ? String(value) : value),
  );
}

/** The properties P1 and P2 of money.md §19 over the whole database. */
async function books(): Promise<readonly string[]> {
  const rows = await database.store.client<{ wrong: string }[]>`
    select 'transaction ' || transaction_id as wrong from ledger_entries group by transaction_id having sum(amount) <> 0
    union all select 'all balances' from balances having sum(balance) <> 0
    union all select 'balance of ' || b.account_id from balances b left join ledger_entries e using (account_id) group by b.account_id, b.balance, b.withdrawable
      having b.balance <> coalesce(sum(e.amount), 0) or b.withdrawable <> coalesce(sum(e.withdrawable_delta), 0)`;
  return rows.map(({ wrong }) => wrong);
}

/** Delivers events in an order, some several times and some never; what is refused for now comes again later. */
async function deliverMixed(from: number, order: readonly { readonly at: number; readonly copies: number }[]): Promise<void> {
  const events = test.stripe.world.events.slice(from);
  const ranked = events.map((event, index) => ({ event, ...(order[index % order.length] ?? { at: index, copies: 1 }) }));
  for (const { event, copies } of ranked.sort((a, b) => a.at - b.at)) {
    const deliveries = Array.from({ length: copies }, () => test.deliver(event));
    for (const outcome of await Promise.allSettled(deliveries))
      if (outcome.status === "rejected") expect(outcome.reason).toBeInstanceOf(Error);
  }
}

const mixed = fc.array(fc.record({ at: fc.nat(1_000), copies: fc.integer({ min: 0, max: 3 }) }), { minLength: 1, maxLength: 8 });

describe("P11 deposits", () => {
  it(
    "credits each page once with what was paid, for any order, number and concurrency of events, and none that was not",
    async () => {
      const deposit = fc.record({
        cents: fc.integer({ min: 50, max: 5_000 }),
        end: fc.constantFrom("paid", "later", "fails", "expires", "open"),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(deposit, { minLength: 1, maxLength: 4 }), mixed, async (deposits, order) => {
          const accountId = await person();
          const from = test.stripe.world.events.length;
          const { world } = test.stripe;
          let expected = 0n;
          for (const { cents, end } of deposits) {
            const { externalId } = await test.deposit(accountId, cents);
            if (end === "paid") world.pay(externalId);
            if (end === "later" || end === "fails") world.pay(externalId, "later");
            if (end === "later") world.arrive(externalId, "arrives");
            if (end === "fails") world.arrive(externalId, "fails");
            if (end === "expires") world.expire(externalId);
            if (end === "paid" || end === "later") expected += BigInt(cents) * 10_000n;
          }
          await deliverMixed(from, order);
          expect((await test.balance(accountId)).balance <= expected).toBe(true);
          // What no event told is found by the hourly look.
          await test.later(HOUR);
          await test.payments.reconcile();
          expect(await test.balance(accountId)).toEqual({ balance: expected, withdrawable: 0n, held: 0n });
          // P18 replay: all of it again changes nothing.
          const before = await photograph(accountId);
          for (const event of world.events.slice(from).reverse()) await test.deliver(event);
          await test.payments.reconcile();
          expect(await photograph(accountId)).toBe(before);
        }),
        { numRuns: RUNS },
      );
      expect(await books()).toEqual([]);
    },
    TIMEOUT_ms,
  );

  it(
    "takes each refund and each lost dispute back once, in any order",
    async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.constantFrom("refund", "won", "lost", "nothing"), { minLength: 1, maxLength: 4 }),
          mixed,
          async (ends, order) => {
            const accountId = await person();
            const from = test.stripe.world.events.length;
            const { world } = test.stripe;
            let expected = 0n;
            for (const end of ends) {
              const { externalId } = await test.deposit(accountId, 1_000);
              world.pay(externalId);
              if (end === "refund") world.refund(externalId, 400);
              if (end === "won" || end === "lost") world.decide(world.dispute(externalId), end);
              expected += end === "refund" ? 6n * DOLLAR : end === "lost" ? 0n : 10n * DOLLAR;
            }
            await deliverMixed(from, order);
            // What no event told is found by the hourly look.
            await test.later(HOUR);
            await test.payments.reconcile();
            for (let round = 0; round < 4; round += 1) await test.later(HOUR);
            expect((await test.balance(accountId)).balance).toBe(expected);
          },
        ),
        { numRuns: RUNS },
      );
      expect(await books()).toEqual([]);
    },
    TIMEOUT_ms,
  );
});

describe("P13 withdrawals and P14 no cash-out of card money", () => {
  it(
    "pays or gives back, never both and never neither, whatever Stripe and the network do",
    async () => {
      const fault = fc.option(fc.constantFrom<Fault>("lost_reply", "lost_request", "broken", "busy", "key_refused"), {
        nil: undefined,
        freq: 2,
      });
      const plan = fc.record({
        cents: fc.integer({ min: 100, max: 900 }),
        end: fc.constantFrom("paid", "failed", "canceled", "returned", "pending"),
        faults: fc.array(fault, { maxLength: 5 }),
        method: fc.constantFrom("standard", "instant"),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(plan, { minLength: 1, maxLength: 3 }), mixed, async (plans, order) => {
          const accountId = await person();
          const { world } = test.stripe;
          await test.onboarded(accountId, "debit");
          const earned = 30n * DOLLAR;
          await test.earn(accountId, earned);
          const { externalId } = await test.deposit(accountId, 5_000);
          world.pay(externalId);
          await test.deliverAll();
          const ids: string[] = [];
          for (const { cents, faults, method } of plans) {
            const left = [...faults];
            test.stripe.fault = ({ path, method: verb }) => (verb === "POST" && /transfers|payouts/.test(path) ? left.shift() : undefined);
            const row = await test.payments.withdrawByStripe({ accountId, amount_microUsd: BigInt(cents) * 10_000n, method });
            ids.push(row.id);
            for (let round = 0; round < 3; round += 1) await test.later(HOUR);
          }
          test.stripe.fault = () => undefined;
          for (let round = 0; round < 4; round += 1) await test.later(9 * HOUR);
          const from = world.events.length;
          for (const [index, id] of ids.entries()) {
            const end = plans[index]?.end ?? "pending";
            for (const { id: payoutId } of world.truthOf(id).payouts) {
              if (end === "returned") world.settle(payoutId, "paid");
              if (end !== "pending") world.settle(payoutId, end === "returned" ? "failed" : end);
            }
          }
          await deliverMixed(from, order);
          for (let round = 0; round < 4; round += 1) await test.later(7 * HOUR);
          // Events that came too late or never are heard of at last.
          await test.deliverAll();
          await test.later(HOUR);

          let gone = 0n;
          for (const id of ids) {
            const row = await test.withdrawal(id);
            const truth = world.truthOf(id);
            expect(truth.transfers.length, "transfers").toBeLessThanOrEqual(1);
            expect(
              truth.payouts.filter(({ status }) => status !== "failed" && status !== "canceled").length,
              "payouts",
            ).toBeLessThanOrEqual(1);
            expect(row.refunded).toBe(row.status === "failed");
            if (row.refunded) expect(truth.onItsWayToTheBank_cents).toBe(0);
            else expect(BigInt(truth.onItsWayToTheBank_cents) * 10_000n).toBe(row.net_microUsd);
            if (!row.refunded) gone += row.amount_microUsd;
          }
          const { balance, withdrawable } = await test.balance(accountId);
          expect(balance).toBe(earned + 50n * DOLLAR - gone);
          // P14: nothing but what was earned can leave, for all time.
          expect(withdrawable + gone).toBe(earned);
          // P18 replay: every event and every job again changes nothing.
          const before = await photograph(accountId);
          for (const event of world.events.slice(from)) await test.deliver(event);
          await database.store
            .client`update outbox set state = 'queued', finished_at = null, next_at = ${test.clock.date().toISOString()}::timestamptz
          where state = 'done' and aggregate_id in ${database.store.client(ids)}`;
          await test.payments.work();
          expect(await photograph(accountId)).toBe(before);
        }),
        { numRuns: RUNS },
      );
      expect(await books()).toEqual([]);
    },
    TIMEOUT_ms,
  );

  it("leaves nothing to withdraw of a card's money (sequence 11, self-cash-out attempt: earn 10, spend 10, restart, deposit 10)", async () => {
    const accountId = await person();
    await test.earn(accountId, 10n * DOLLAR);
    await database.store
      .client`select ledger_post_entries('charge', ${`spend:${accountId}`}, 'x', array[${accountId}, 'sys:unclaimed']::text[],
      array['charge', 'payout']::text[], array[${String(-10n * DOLLAR)}, ${String(10n * DOLLAR)}]::bigint[], array[null, null]::bigint[], now())`;
    const restarted = test.again();
    const opened = await restarted.deposits.open({ accountId, amount_microUsd: 10n * DOLLAR });
    test.stripe.world.pay(opened.externalId);
    await test.deliverAll();
    expect(await test.balance(accountId)).toEqual({ balance: 10n * DOLLAR, withdrawable: 0n, held: 0n });
    await test.onboarded(accountId);
    const asked = restarted.withdrawByStripe({ accountId, amount_microUsd: DOLLAR, method: "standard" });
    await expect(asked).rejects.toMatchObject({ code: "insufficient_withdrawable" });
    expect(await withdrawalRepository.ofAccount(database.store.db, accountId, { limit: 1 })).toEqual([]);
  });
});
