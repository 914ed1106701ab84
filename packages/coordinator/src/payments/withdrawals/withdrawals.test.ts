import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createReconciler } from "../../ledger/index.js";
import { accountRepository, outboxRepository, standingRepository, type WithdrawalRow } from "../../store/index.js";
import { createTestDatabase, type TestDatabase } from "../../store/testing.js";
import type { PaymentRefusal } from "../payment-refusal.js";
import { DOLLAR, openPayments, type TestPayments } from "../testing/open-payments.js";

let database: TestDatabase;
let test: TestPayments;
let bob: string;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  test = await openPayments(database.store);
  bob = randomUUID();
  await accountRepository.insertIfAbsent(database.store.db, bob, "Bob");
});
afterEach(() => test.close());

const HOUR = 3_600_000;
const refusal = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: PaymentRefusal) => error.code,
  );
const withdraw = (amount_microUsd: bigint, more = {}) =>
  test.payments.withdrawByStripe({ accountId: bob, amount_microUsd, method: "standard", ...more });
const truth = ({ id }: Pick<WithdrawalRow, "id">) => test.stripe.world.truthOf(id);
/** So many pass, and a few times what became due is done. */
async function hours(count: number): Promise<void> {
  const step = Math.ceil(count / 4);
  for (let hour = 0; hour < count; hour += step) await test.later(Math.min(step, count - hour) * HOUR);
}

describe("a withdrawal to a bank account", () => {
  it("is taken from earnings, transferred, paid out, and paid", async () => {
    await test.earn(bob, 20n * DOLLAR);
    await test.onboarded(bob);
    const row = await withdraw(12n * DOLLAR + 340_000n);
    expect(row).toMatchObject({ status: "submitted", fee_microUsd: 0n, net_microUsd: 12_340_000n, refunded: false });
    expect(row.arrivalAt).toBeInstanceOf(Date);
    expect(await test.balance(bob)).toMatchObject({ balance: 7_660_000n, withdrawable: 7_660_000n });
    const { transfers, payouts } = truth(row);
    expect(transfers).toMatchObject([{ amount: 1_234, destination: row.destination, group: row.id }]);
    expect(payouts).toMatchObject([{ amount: 1_234, account: row.destination, method: "standard", id: row.payoutId }]);
    const keys = test.stripe.requests.slice(-2).map(({ idempotencyKey, account }) => [idempotencyKey, account]);
    expect(keys).toEqual([
      [`wd-tr-${row.id}`, undefined],
      [`wd-po-${row.id}`, row.destination],
    ]);
    test.stripe.world.settle(row.payoutId ?? "", "paid");
    await test.deliverAll();
    expect(await test.withdrawal(row.id)).toMatchObject({ status: "paid", refunded: false });
  });

  it("costs what an instant payout costs, in whole cents", async () => {
    await test.earn(bob, 200n * DOLLAR);
    await test.onboarded(bob, "debit");
    const platform = await test.balance("platform");
    const [small, large] = [await withdraw(10n * DOLLAR, { method: "instant" }), await withdraw(100_010_000n, { method: "instant" })];
    expect([small.fee_microUsd, large.fee_microUsd]).toEqual([500_000n, 1_510_000n]);
    expect(truth(large).payouts).toMatchObject([{ amount: 9_850, method: "instant" }]);
    expect((await test.balance("platform")).balance - platform.balance).toBe(2_010_000n);
  });

  it("is refused, and nothing moved, for each reason that there is", async () => {
    await test.earn(bob, 6_000n * DOLLAR);
    expect(await refusal(withdraw(DOLLAR))).toBe("not_onboarded");
    await test.onboarded(bob);
    expect(await refusal(withdraw(990_000n))).toBe("invalid_request_error");
    expect(await refusal(withdraw(1_000_001n))).toBe("invalid_request_error");
    expect(await refusal(withdraw(DOLLAR, { method: "cheque" }))).toBe("invalid_request_error");
    expect(await refusal(withdraw(DOLLAR, { method: "instant" }))).toBe("instant_unavailable");
    expect(await refusal(withdraw(5_001n * DOLLAR))).toBe("invalid_request_error");
    await withdraw(4_999n * DOLLAR);
    expect(await refusal(withdraw(2n * DOLLAR))).toBe("invalid_request_error");
    await test.clock.advance(24 * HOUR);
    expect(await refusal(withdraw(2_000n * DOLLAR))).toBe("insufficient_withdrawable");
    await database.store.client`update balances set held = ${1_000n * DOLLAR} where account_id = ${bob}`;
    expect(await refusal(withdraw(2n * DOLLAR))).toBe("insufficient_withdrawable");
    await database.store.client`update balances set held = 0 where account_id = ${bob}`;
    await database.store.transaction((tx) => standingRepository.freeze(tx, bob, "chargeback"));
    expect(await refusal(withdraw(DOLLAR))).toBe("account_frozen");
    expect((await test.balance(bob)).balance).toBe(1_001n * DOLLAR);
    const none = await openPayments(database.store, { stripe: undefined });
    expect(await refusal(none.payments.withdrawByStripe({ accountId: bob, amount_microUsd: DOLLAR, method: "standard" }))).toBe(
      "billing_error",
    );
    await none.close();
  });

  it("takes earnings only when they are old enough, where that is wanted", async () => {
    await test.close();
    test = await openPayments(database.store, { withdrawals: { dailyMax_microUsd: 100n * DOLLAR, hold_ms: 48 * HOUR } });
    await test.onboarded(bob);
    await test.earn(bob, 5n * DOLLAR);
    await database.store
      .client`insert into provider_earnings (job_id, account_id, machine_id, model, amount, prompt_tokens, completion_tokens, created_at)
      values (${randomUUID()}, ${bob}, 'm', 'b', ${3n * DOLLAR}, 1, 1, ${test.clock.date().toISOString()}::timestamptz)`;
    expect(await refusal(withdraw(3n * DOLLAR))).toBe("insufficient_withdrawable");
    expect(await refusal(withdraw(2n * DOLLAR))).toBeUndefined();
    await test.clock.advance(48 * HOUR + 1);
    expect(await refusal(withdraw(3n * DOLLAR))).toBeUndefined();
  });

  it("happens once for a caller who asks again under the same key, also at once", async () => {
    await test.earn(bob, 20n * DOLLAR);
    await test.onboarded(bob);
    const asked = await Promise.all([1, 2, 3].map(() => withdraw(5n * DOLLAR, { clientKey: "key" })));
    expect(new Set(asked.map(({ id }) => id)).size).toBe(1);
    expect((await test.balance(bob)).balance).toBe(15n * DOLLAR);
    expect(await refusal(withdraw(6n * DOLLAR, { clientKey: "key" }))).toBe("conflict");
  });

  it("never takes more than there is, however many ask at once", async () => {
    await test.earn(bob, 10n * DOLLAR);
    await test.onboarded(bob);
    const asked = await Promise.all(Array.from({ length: 8 }, () => refusal(withdraw(3n * DOLLAR))));
    expect(asked.filter((code) => code === undefined)).toHaveLength(3);
    expect((await test.balance(bob)).balance).toBe(DOLLAR);
  });

  it("is not given back when the reply is lost (sequence 9, withdraw timeout: Stripe executed the transfer)", async () => {
    await test.earn(bob, 20n * DOLLAR);
    await test.onboarded(bob);
    test.stripe.fault = ({ path }) => (path === "/v1/transfers" ? "lost_reply" : undefined);
    const row = await withdraw(5n * DOLLAR);
    expect(row).toMatchObject({ status: "pending", refunded: false });
    expect(truth(row).transfers).toHaveLength(1);
    test.stripe.fault = () => undefined;
    await test.later(5_000);
    expect(await test.withdrawal(row.id)).toMatchObject({ status: "submitted" });
    expect(truth(row)).toMatchObject({ transfers: [{}], payouts: [{}] });
    expect((await test.balance(bob)).balance).toBe(15n * DOLLAR);
  });

  it("is given back exactly once when the payout fails (sequence 10, withdraw failed payout ×3 deliveries)", async () => {
    await test.earn(bob, 20n * DOLLAR);
    await test.onboarded(bob, "debit");
    const before = await test.balance(bob);
    const platform = await test.balance("platform");
    const row = await withdraw(5n * DOLLAR, { method: "instant" });
    await test.deliverAll();
    test.stripe.world.settle(row.payoutId ?? "", "failed");
    const failed = test.stripe.world.events.at(-1);
    if (failed === undefined) throw new Error("no event");
    await Promise.all([test.deliver(failed), test.deliver(failed), test.deliver(failed)]);
    expect(await test.withdrawal(row.id)).toMatchObject({ status: "submitted", failureReason: "account_closed" });
    await test.later(0);
    await test.deliver(failed);
    await test.deliverAll();
    await test.later(HOUR);
    expect(await test.withdrawal(row.id)).toMatchObject({ status: "failed", refunded: true, failureReason: "account_closed" });
    expect(await test.balance(bob)).toEqual(before);
    expect(await test.balance("platform")).toEqual(platform);
    expect(truth(row)).toMatchObject({ transfers: [{ reversed: true }], onItsWayToTheBank_cents: 0 });
  });

  it("is given back at once when Stripe refuses for certain", async () => {
    await test.earn(bob, 20n * DOLLAR);
    const account = await test.onboarded(bob);
    test.stripe.world.accounts.delete(account);
    const row = await withdraw(5n * DOLLAR);
    expect(row).toMatchObject({ status: "failed", refunded: true, failureReason: "resource_missing" });
    expect(await test.balance(bob)).toMatchObject({ balance: 20n * DOLLAR, withdrawable: 20n * DOLLAR });
  });

  it.each(["key_refused", "busy", "broken", "lost_request"] as const)(
    "is not given back for a day when the transfer is %s, and then when nothing has left",
    async (fault) => {
      await test.earn(bob, 20n * DOLLAR);
      await test.onboarded(bob);
      test.stripe.fault = ({ method, path }) => (path === "/v1/transfers" && method === "POST" ? fault : undefined);
      const row = await withdraw(5n * DOLLAR);
      await hours(23);
      expect(await test.withdrawal(row.id)).toMatchObject({ status: "pending", refunded: false });
      await hours(3);
      expect(await test.withdrawal(row.id)).toMatchObject({ status: "failed", refunded: true, failureReason: "no_answer" });
      expect(truth(row).transfers).toEqual([]);
    },
  );

  it("goes on when a transfer of which nothing was heard for a day is found", async () => {
    await test.earn(bob, 20n * DOLLAR);
    await test.onboarded(bob);
    test.stripe.fault = ({ method, path }) => (path === "/v1/transfers" && method === "POST" ? "lost_reply" : undefined);
    const row = await withdraw(5n * DOLLAR);
    await hours(26);
    expect(truth(row).transfers).toHaveLength(1);
    expect(await test.withdrawal(row.id)).toMatchObject({ status: "submitted", refunded: false });
  });

  it("comes back after three days when no payout can be made", async () => {
    await test.earn(bob, 20n * DOLLAR);
    const account = await test.onboarded(bob);
    const payments = test.again();
    test.stripe.world.change(account, { payoutsEnabled: false });
    const row = await payments.withdrawByStripe({ accountId: bob, amount_microUsd: 5n * DOLLAR, method: "standard" });
    expect(row.status).toBe("transferred");
    await hours(70);
    expect(await test.withdrawal(row.id)).toMatchObject({ status: "transferred", refunded: false });
    await hours(6);
    expect(await test.withdrawal(row.id)).toMatchObject({ status: "failed", refunded: true, failureReason: "payout_impossible" });
    expect(truth(row)).toMatchObject({ transfers: [{ reversed: true }], payouts: [] });
    expect((await test.balance(bob)).withdrawable).toBe(20n * DOLLAR);
  });

  it("pays a payout that was refused for a while, under another key each time", async () => {
    await test.earn(bob, 20n * DOLLAR);
    const account = await test.onboarded(bob);
    test.stripe.world.change(account, { payoutsEnabled: false });
    const row = await withdraw(5n * DOLLAR);
    await test.later(5_000);
    test.stripe.world.change(account, { payoutsEnabled: true });
    await test.later(10_000);
    expect(await test.withdrawal(row.id)).toMatchObject({ status: "submitted", payoutRefusals: 2 });
    expect(truth(row).payouts).toHaveLength(1);
  });

  it("is not paid twice when the payout's reply is lost and Stripe has forgotten its key", async () => {
    await test.earn(bob, 20n * DOLLAR);
    await test.onboarded(bob);
    test.stripe.fault = ({ method, path }) => (path === "/v1/payouts" && method === "POST" ? "lost_reply" : undefined);
    const row = await withdraw(5n * DOLLAR);
    await hours(30);
    expect(truth(row).payouts).toHaveLength(1);
    expect(await test.withdrawal(row.id)).toMatchObject({ status: "submitted" });
  });

  it("does not come back when a payout of which nothing was heard for three days has left", async () => {
    await test.earn(bob, 20n * DOLLAR);
    await test.onboarded(bob);
    test.stripe.fault = ({ path }) => (path === "/v1/payouts" ? "lost_reply" : undefined);
    const row = await withdraw(5n * DOLLAR);
    await hours(80);
    test.stripe.fault = () => undefined;
    await hours(3);
    expect(await test.withdrawal(row.id)).toMatchObject({ status: "submitted", refunded: false });
    expect(truth(row)).toMatchObject({ transfers: [{ reversed: false }], payouts: [{ status: "pending" }] });
  });

  it("is known to be paid, or failed, when no event comes", async () => {
    await test.earn(bob, 20n * DOLLAR);
    await test.onboarded(bob);
    const [paid, failed] = [await withdraw(2n * DOLLAR), await withdraw(3n * DOLLAR)];
    test.stripe.world.settle(paid.payoutId ?? "", "paid");
    test.stripe.world.settle(failed.payoutId ?? "", "failed");
    await hours(7);
    expect(await test.withdrawal(paid.id)).toMatchObject({ status: "paid" });
    expect(await test.withdrawal(failed.id)).toMatchObject({ status: "failed", refunded: true });
    expect((await test.balance(bob)).balance).toBe(18n * DOLLAR);
  });

  it("is known to have come back from the bank when no event tells", async () => {
    await test.earn(bob, 20n * DOLLAR);
    await test.onboarded(bob);
    const row = await withdraw(5n * DOLLAR);
    test.stripe.world.settle(row.payoutId ?? "", "paid");
    await hours(7);
    test.stripe.world.settle(row.payoutId ?? "", "failed");
    await hours(48);
    expect(await test.withdrawal(row.id)).toMatchObject({ status: "failed", refunded: true });
    expect(test.told).toContainEqual(expect.objectContaining({ type: "withdrawal_alert", withdrawalId: row.id }));
    expect((await test.balance(bob)).balance).toBe(20n * DOLLAR);
  });

  it("is known to have come back from the bank also when its payout was heard of by its event alone", async () => {
    await test.earn(bob, 20n * DOLLAR);
    await test.onboarded(bob);
    test.stripe.fault = ({ method, path }) => (path === "/v1/payouts" && method === "POST" ? "lost_reply" : undefined);
    const row = await withdraw(5n * DOLLAR);
    test.stripe.fault = () => undefined;
    const [payout] = truth(row).payouts;
    test.stripe.world.settle(payout?.id ?? "", "paid");
    await test.deliverAll();
    expect(await test.withdrawal(row.id)).toMatchObject({ status: "paid" });
    test.stripe.world.settle(payout?.id ?? "", "failed");
    await hours(48);
    expect(await test.withdrawal(row.id)).toMatchObject({ status: "failed", refunded: true });
    expect((await test.balance(bob)).balance).toBe(20n * DOLLAR);
  });

  it("waits while Stripe does not accept the key, says so where operators look, and goes on when it does", async () => {
    await test.earn(bob, 20n * DOLLAR);
    await test.onboarded(bob);
    test.stripe.fault = () => "key_refused";
    const row = await withdraw(5n * DOLLAR);
    await hours(30);
    expect(await test.withdrawal(row.id)).toMatchObject({ status: "pending", refunded: false });
    expect(test.told).toContainEqual({ type: "key_refused" });
    expect((await test.payments.backlog()).outbox).toContainEqual(expect.objectContaining({ kind: "stripe.transfer", failing: 1 }));
    const { store } = database;
    const books = createReconciler({ store, clock: test.clock, random: () => 0.5, onEvent: () => undefined });
    const [failing] = (await books.check()).failing.filter(({ name }) => name === "stripe.transfer");
    expect(failing).toMatchObject({ count: 1, since: row.createdAt });
    expect(failing?.error).toBe("Stripe does not accept this coordinator's key: Invalid API Key provided: …");
    test.stripe.fault = () => undefined;
    await hours(2);
    expect(await test.withdrawal(row.id)).toMatchObject({ status: "failed", failureReason: "no_answer", refunded: true });
    expect((await books.check()).failing.filter(({ name }) => name === "stripe.transfer")).toEqual([]);
  });

  it("comes back, and is told of, when the bank returns it after it was paid; events may come in any order", async () => {
    await test.earn(bob, 20n * DOLLAR);
    await test.onboarded(bob);
    const row = await withdraw(5n * DOLLAR);
    const heard = test.stripe.world.events.length;
    test.stripe.world.settle(row.payoutId ?? "", "paid");
    await test.deliverAll();
    test.stripe.world.settle(row.payoutId ?? "", "failed");
    await test.deliverAll();
    await test.later(1_000);
    expect(await test.withdrawal(row.id)).toMatchObject({ status: "failed", refunded: true });
    expect(test.told).toContainEqual(expect.objectContaining({ type: "withdrawal_alert", withdrawalId: row.id }));
    for (const event of test.stripe.world.events.slice(heard).reverse())
      await test.deliver({ ...event, id: `${event.id}b`, body: event.body.replace(event.id, `${event.id}b`) });
    expect(await test.withdrawal(row.id)).toMatchObject({ status: "failed", refunded: true });
    expect((await test.balance(bob)).balance).toBe(20n * DOLLAR);
  });

  it("takes an event for a withdrawal from its own connected account only", async () => {
    await test.earn(bob, 20n * DOLLAR);
    await test.onboarded(bob);
    const row = await withdraw(5n * DOLLAR);
    test.stripe.world.settle(row.payoutId ?? "", "failed");
    const event = test.stripe.world.events.at(-1);
    if (event === undefined) throw new Error("no event");
    await test.deliver({ ...event, body: event.body.replace(`"account": "${row.destination}"`, '"account": "acct_somebody"') });
    await test.later(1_000);
    expect(await test.withdrawal(row.id)).toMatchObject({ status: "submitted", failureReason: null });
  });

  it("comes back when its transfer was reversed by hand, but not while its payout may still arrive", async () => {
    await test.earn(bob, 20n * DOLLAR);
    const account = await test.onboarded(bob);
    const live = await withdraw(5n * DOLLAR);
    test.stripe.world.change(account, { payoutsEnabled: false });
    const stuck = await withdraw(6n * DOLLAR);
    test.stripe.world.reverseTransfer(stuck.transferId ?? "");
    test.stripe.world.change(account, { balance: 500 });
    test.stripe.world.reverseTransfer(live.transferId ?? "");
    await test.deliverAll();
    await test.later(60_000);
    await test.later(60_000);
    expect(await test.withdrawal(stuck.id)).toMatchObject({ status: "failed", refunded: true, failureReason: "transfer_reversed" });
    expect(await test.withdrawal(live.id)).toMatchObject({ status: "submitted", refunded: false });
    expect(test.told).toContainEqual(expect.objectContaining({ type: "withdrawal_alert", withdrawalId: live.id }));
  });

  it("is listed for its owner alone", async () => {
    await test.earn(bob, 20n * DOLLAR);
    await test.onboarded(bob);
    const first = await withdraw(2n * DOLLAR);
    await test.clock.advance(1_000);
    const second = await withdraw(3n * DOLLAR);
    expect((await test.payments.withdrawals(bob, { limit: 10 })).map(({ id }) => id)).toEqual([second.id, first.id]);
    expect(await test.payments.withdrawals(bob, { limit: 10, rail: "chain" })).toEqual([]);
    expect(await test.payments.withdrawal(bob, first.id)).toMatchObject({ id: first.id });
    expect(await test.payments.withdrawal(randomUUID(), first.id)).toBeUndefined();
  });

  it("leaves no job behind", async () => {
    await test.earn(bob, 20n * DOLLAR);
    await test.onboarded(bob);
    const row = await withdraw(2n * DOLLAR);
    test.stripe.world.settle(row.payoutId ?? "", "paid");
    await test.deliverAll();
    await hours(7);
    // A bank may still return it.
    expect((await outboxRepository.ofAggregate(database.store.db, row.id)).map(({ state }) => state)).toEqual(["done", "done", "queued"]);
    await hours(11 * 24);
    expect((await outboxRepository.ofAggregate(database.store.db, row.id)).map(({ state }) => state)).toEqual(["done", "done", "done"]);
    expect((await test.payments.backlog()).outbox.every(({ dead }) => dead === 0)).toBe(true);
  });
});
