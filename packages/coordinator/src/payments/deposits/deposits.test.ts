import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { accountRepository, depositRepository, standingRepository } from "../../store/index.js";
import { createTestDatabase, type TestDatabase } from "../../store/testing.js";
import type { PaymentRefusal } from "../payment-refusal.js";
import { STRIPE_API_VERSION } from "../stripe/stripe-api.js";
import { DOLLAR, openPayments, type TestPayments } from "../testing/open-payments.js";

let database: TestDatabase;
let test: TestPayments;
let alice: string;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  test = await openPayments(database.store);
  alice = randomUUID();
  await accountRepository.insertIfAbsent(database.store.db, alice, "Alice");
});
afterEach(() => test.close());

const frozen = (accountId: string) => database.store.transaction((tx) => standingRepository.lock(tx, accountId));
const refusal = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: PaymentRefusal) => error.code,
  );

/** Money that is spent, as far as a dispute can find it. */
async function hold(accountId: string, amount_microUsd: bigint): Promise<void> {
  await database.store.client`update balances set held = held + ${amount_microUsd} where account_id = ${accountId}`;
}

describe("a deposit by card", () => {
  it("is asked of Stripe in its own format, under a key of its own, at the pinned version", async () => {
    const opened = await test.payments.deposits.open({ accountId: alice, amount_microUsd: 25n * DOLLAR, email: "alice@example.org" });
    expect(opened.url).toBe(`https://checkout.stripe.test/c/pay/${opened.externalId}`);
    expect(test.stripe.requests).toMatchObject([
      {
        path: "/v1/checkout/sessions",
        idempotencyKey: `cs-${opened.id}`,
        version: STRIPE_API_VERSION,
        form: {
          mode: "payment",
          allowed_payment_method_types: { 0: "card" },
          customer_email: "alice@example.org",
          line_items: { 0: { quantity: "1", price_data: { currency: "usd", unit_amount: "2500" } } },
          metadata: { app: "umbel", billing_session_id: opened.id, consumer_key: alice, coordinator_host: "umbel.example" },
          payment_intent_data: { metadata: { billing_session_id: opened.id } },
        },
      },
    ]);
    expect(await test.depositStatus(opened.id)).toBe("pending");
  });

  it("is credited when it is paid, and cannot be withdrawn", async () => {
    const { id, externalId } = await test.deposit(alice, 2_500);
    test.stripe.world.pay(externalId);
    await test.deliverAll();
    expect(await test.balance(alice)).toEqual({ balance: 25n * DOLLAR, withdrawable: 0n, held: 0n });
    expect(await test.payments.deposits.get(alice, id)).toMatchObject({ status: "completed", completedAt: test.clock.date() });
    expect(await test.payments.deposits.get(randomUUID(), id)).toBeUndefined();
  });

  it("is credited once (sequence 8, webhook storm: 20 concurrent copies of one checkout.session.completed)", async () => {
    const { externalId } = await test.deposit(alice, 700);
    test.stripe.world.pay(externalId);
    const [event] = test.stripe.world.events;
    if (event === undefined) throw new Error("no event");
    const other = test.again();
    const copies = Array.from({ length: 20 }, (_, index) => {
      const receiver = index % 2 === 0 ? test.payments : other;
      return receiver.receive({ endpoint: "account", ...test.stripe.signed(event) });
    });
    await Promise.all(copies);
    expect((await test.balance(alice)).balance).toBe(7n * DOLLAR);
  });

  it("takes no event that Stripe has not signed lately, and none without a secret", async () => {
    const { externalId } = await test.deposit(alice, 700);
    test.stripe.world.pay(externalId);
    const [event] = test.stripe.world.events;
    if (event === undefined) throw new Error("no event");
    const { signed } = test.stripe;
    const now_ms = test.clock.date().getTime();
    const forged = [
      signed(event, { secret: "whsec_other" }),
      signed(event, { at: new Date(now_ms - 301_000) }),
      signed(event, { at: new Date(now_ms + 301_000) }),
      { ...signed(event), body: Buffer.from(event.body.replace("700", "70000")) },
      { ...signed(event), signature: undefined },
    ];
    for (const each of forged)
      await expect(test.payments.receive({ endpoint: "account", ...each })).rejects.toMatchObject({ name: "SignatureError" });
    // Of a connected account's endpoint is another secret.
    await expect(test.payments.receive({ endpoint: "connect", ...signed(event) })).rejects.toMatchObject({ name: "SignatureError" });
    const closed = await openPayments(database.store, { webhookSecret: undefined });
    await expect(closed.payments.receive({ endpoint: "account", ...signed(event) })).rejects.toMatchObject({ name: "SignatureError" });
    await closed.close();
    expect((await test.balance(alice)).balance).toBe(0n);
    const rotated = signed(event);
    const both = `${rotated.signature},v1=${"0".repeat(64)}`;
    await test.payments.receive({ endpoint: "account", body: rotated.body, signature: both });
    expect((await test.balance(alice)).balance).toBe(7n * DOLLAR);
  });

  it("waits for money that comes later, and expires when it does not", async () => {
    const [good, bad, left] = [await test.deposit(alice, 500), await test.deposit(alice, 600), await test.deposit(alice, 700)];
    test.stripe.world.pay(good.externalId, "later");
    test.stripe.world.pay(bad.externalId, "later");
    await test.deliverAll();
    expect(await test.depositStatus(good.id)).toBe("pending");
    expect((await test.balance(alice)).balance).toBe(0n);
    test.stripe.world.arrive(good.externalId, "arrives");
    test.stripe.world.arrive(bad.externalId, "fails");
    test.stripe.world.expire(left.externalId);
    await test.deliverAll();
    expect(await Promise.all([good, bad, left].map(({ id }) => test.depositStatus(id)))).toEqual(["completed", "expired", "expired"]);
    expect((await test.balance(alice)).balance).toBe(5n * DOLLAR);
  });

  it("is put aside for a person when something else was paid than was asked for", async () => {
    const [dearer, strange] = [await test.deposit(alice, 500), await test.deposit(alice, 600)];
    await depositRepository.update(database.store.db, dearer.id, { amount_cents: 50_000, amount_microUsd: 500n * DOLLAR });
    await depositRepository.update(database.store.db, strange.id, { accountId: randomUUID() });
    test.stripe.world.pay(dearer.externalId);
    test.stripe.world.pay(strange.externalId);
    await test.deliverAll();
    await test.deliverAll();
    expect(await test.depositStatus(dearer.id)).toBe("needs_review");
    expect(await test.depositStatus(strange.id)).toBe("needs_review");
    expect((await test.balance(alice)).balance).toBe(0n);
    expect(test.told.filter(({ type }) => type === "deposit_review")).toHaveLength(2);
  });

  it("keeps within its limits, and says which", async () => {
    const open = (amount_microUsd: bigint, more = {}) =>
      refusal(test.payments.deposits.open({ accountId: alice, amount_microUsd, ...more }));
    expect(await open(499_999n)).toBe("invalid_request_error");
    expect(await open(500_000n)).toBeUndefined();
    expect(await open(500_001n)).toBe("invalid_request_error");
    expect(await open(10_000n * DOLLAR)).toBeUndefined();
    expect(await open(10_000n * DOLLAR + 10_000n)).toBe("invalid_request_error");
    expect(await open(DOLLAR, { referralCode: "NOBODY" })).toBe("invalid_request_error");
    expect(await open(DOLLAR, { email: "no address" })).toBe("invalid_request_error");
    const none = await openPayments(database.store, { stripe: undefined });
    expect(await refusal(none.payments.deposits.open({ accountId: alice, amount_microUsd: DOLLAR }))).toBe("billing_error");
    await none.close();
  });

  it("asks anew under another key when Stripe was not there, and credits a page whose answer was lost", async () => {
    test.stripe.fault = () => "lost_reply";
    expect(await refusal(test.deposit(alice, 500))).toBe("stripe_error");
    test.stripe.fault = () => undefined;
    const [made] = [...test.stripe.world.checkouts.keys()];
    if (made === undefined) throw new Error("no page");
    test.stripe.world.pay(made);
    await test.deliverAll();
    expect((await test.balance(alice)).balance).toBe(5n * DOLLAR);
  });

  it("is finished by the hourly look when no event comes", async () => {
    const [paid, late, left] = [await test.deposit(alice, 500), await test.deposit(alice, 600), await test.deposit(alice, 700)];
    test.stripe.fault = () => "lost_request";
    await refusal(test.deposit(alice, 800));
    test.stripe.fault = () => undefined;
    test.stripe.world.pay(paid.externalId);
    test.stripe.world.pay(late.externalId, "later");
    test.stripe.world.arrive(late.externalId, "fails");
    test.stripe.world.expire(left.externalId);
    await test.payments.reconcile();
    expect(await test.depositStatus(paid.id)).toBe("pending");
    await test.clock.advance(16 * 60_000);
    await test.payments.reconcile();
    const all = await test.payments.deposits.list(alice, 10);
    expect(all.map(({ amount_cents, status }) => [amount_cents, status])).toEqual(
      expect.arrayContaining([
        [500, "completed"],
        [600, "expired"],
        [700, "expired"],
        [800, "expired"],
      ]),
    );
    await test.deliverAll();
    expect((await test.balance(alice)).balance).toBe(5n * DOLLAR);
  });

  it("brings its payer to whoever sent him, and stands when that fails", async () => {
    const applied: string[] = [];
    const referrals = {
      isKnown: async (code: string) => code === "FRIEND",
      apply: async (_tx: unknown, accountId: string, code: string) => {
        applied.push(`${accountId} ${code}`);
        throw new Error("has one already");
      },
    };
    const other = await openPayments(database.store, {}, { referrals });
    const { externalId } = await other.payments.deposits.open({ accountId: alice, amount_microUsd: DOLLAR, referralCode: "friend" });
    other.stripe.world.pay(externalId);
    await other.deliverAll();
    expect(applied).toEqual([`${alice} FRIEND`]);
    expect((await other.balance(alice)).balance).toBe(DOLLAR);
    expect(other.told).toContainEqual(expect.objectContaining({ type: "referral_apply_failed" }));
    await other.close();
  });

  it("is credited without a payment where that is wanted", async () => {
    const mock = await openPayments(database.store, { stripe: "mock" });
    const opened = await mock.payments.deposits.open({ accountId: alice, amount_microUsd: 3n * DOLLAR });
    expect(opened.url).toBe(`https://umbel.example/paid?session_id=mock_${opened.id}`);
    expect((await mock.balance(alice)).balance).toBe(3n * DOLLAR);
    await mock.close();
  });
});

describe("money that goes back to the card", () => {
  it("is taken back as it is refunded, in whatever order that is told", async () => {
    const { externalId } = await test.deposit(alice, 1_000);
    test.stripe.world.pay(externalId);
    await test.deliverAll();
    test.stripe.world.refund(externalId, 300);
    test.stripe.world.refund(externalId, 200);
    const [, first, second] = test.stripe.world.events;
    if (first === undefined || second === undefined) throw new Error("no events");
    await test.deliver(second);
    await test.deliver(first);
    await test.deliver(second);
    expect((await test.balance(alice)).balance).toBe(5n * DOLLAR);
    expect(await frozen(alice)).toBeNull();
  });

  it("is found by the hourly look when no event comes, and asked for once", async () => {
    await test.later(24 * 3_600_000);
    await test.payments.reconcile();
    test.told.length = 0;
    const [one, two] = [await test.deposit(alice, 1_000), await test.deposit(alice, 500)];
    for (const { externalId } of [one, two]) test.stripe.world.pay(externalId);
    await test.deliverAll();
    test.stripe.world.refund(one.externalId, 400);
    test.stripe.world.refund(one.externalId, 100);
    test.stripe.world.dispute(two.externalId);
    test.stripe.world.limits.page_max = 2;
    await test.payments.reconcile();
    expect(test.told.filter(({ type }) => type === "event_missed")).toEqual([]);
    await test.later(11 * 60_000);
    test.stripe.fault = ({ path }) => (path === "/v1/events" ? "key_refused" : undefined);
    await expect(test.payments.reconcile()).rejects.toThrow("Stripe does not accept");
    test.stripe.fault = () => undefined;
    await test.payments.reconcile();
    await test.later(1_000);
    expect(await test.balance(alice)).toEqual({ balance: 5n * DOLLAR, withdrawable: 0n, held: 0n });
    expect(await frozen(alice)).toBe("chargeback");
    const missed = test.told.flatMap((event) => (event.type === "event_missed" ? [event.eventType] : []));
    expect(missed.sort()).toEqual(["charge.dispute.created", "charge.refunded", "charge.refunded"]);
    const asked = test.stripe.requests.length;
    await test.later(3_600_000);
    await test.payments.reconcile();
    const events = test.stripe.requests.slice(asked).filter(({ path }) => path === "/v1/events");
    expect(events).toMatchObject([{ form: { limit: "100", created: { gt: expect.any(String), lte: expect.any(String) } } }]);
    await test.deliverAll();
    expect((await test.balance(alice)).balance).toBe(5n * DOLLAR);
  });

  it("waits for its deposit when it is told of before", async () => {
    const { externalId } = await test.deposit(alice, 1_000);
    test.stripe.world.pay(externalId);
    test.stripe.world.refund(externalId, 1_000);
    const [paid, refunded] = test.stripe.world.events;
    if (paid === undefined || refunded === undefined) throw new Error("no events");
    await expect(test.deliver(refunded)).rejects.toThrow();
    await test.deliver(paid);
    await test.later(5_000);
    expect((await test.balance(alice)).balance).toBe(0n);
  });

  it("takes what the account has after its holds when it is disputed, freezes it, and gives all again when it is won", async () => {
    await test.earn(alice, 2n * DOLLAR);
    const { externalId } = await test.deposit(alice, 1_000);
    test.stripe.world.pay(externalId);
    await test.deliverAll();
    await hold(alice, 5n * DOLLAR);
    const before = await test.balance("sys:baddebt");
    const dispute = test.stripe.world.dispute(externalId);
    await test.deliverAll();
    expect(await test.balance(alice)).toEqual({ balance: 5n * DOLLAR, withdrawable: 2n * DOLLAR, held: 5n * DOLLAR });
    expect((await test.balance("sys:baddebt")).balance - before.balance).toBe(-3n * DOLLAR);
    expect(await frozen(alice)).toBe("chargeback");
    test.stripe.world.decide(dispute, "won");
    await test.deliverAll();
    expect(await test.balance(alice)).toEqual({ balance: 12n * DOLLAR, withdrawable: 2n * DOLLAR, held: 5n * DOLLAR });
    expect(await test.balance("sys:baddebt")).toEqual(before);
    expect(await frozen(alice)).toBeNull();
    const [, created] = test.stripe.world.events;
    if (created !== undefined) await test.deliver({ ...created, id: "evt_again", body: created.body.replace(created.id, "evt_again") });
    expect((await test.balance(alice)).balance).toBe(12n * DOLLAR);
  });

  it("stays frozen while another dispute stands, and is not moved by an inquiry", async () => {
    const [one, two, three] = [await test.deposit(alice, 500), await test.deposit(alice, 500), await test.deposit(alice, 500)];
    for (const { externalId } of [one, two, three]) test.stripe.world.pay(externalId);
    await test.deliverAll();
    const inquiry = test.stripe.world.dispute(three.externalId, "warning_needs_response");
    await test.deliverAll();
    expect((await test.balance(alice)).balance).toBe(15n * DOLLAR);
    const disputes = [test.stripe.world.dispute(one.externalId), test.stripe.world.dispute(two.externalId)];
    test.stripe.world.decide(inquiry, "warning_closed");
    await test.deliverAll();
    expect((await test.balance(alice)).balance).toBe(5n * DOLLAR);
    test.stripe.world.decide(disputes[0] ?? "", "won");
    await test.deliverAll();
    expect(await frozen(alice)).toBe("chargeback");
    test.stripe.world.decide(disputes[1] ?? "", "lost");
    await test.deliverAll();
    expect(await test.balance(alice)).toMatchObject({ balance: 10n * DOLLAR });
  });

  it("knows a dispute's deposit by its payment when nothing was heard of it yet, and leaves other people's alone", async () => {
    const { externalId } = await test.deposit(alice, 500);
    test.stripe.world.pay(externalId);
    test.stripe.world.dispute(externalId);
    const [paid, disputed] = test.stripe.world.events;
    if (paid === undefined || disputed === undefined) throw new Error("no events");
    await expect(test.deliver(disputed)).rejects.toThrow();
    await test.deliver(paid);
    await test.later(5_000);
    expect((await test.balance(alice)).balance).toBe(0n);
    const { externalId: sold } = await test.deposit(alice, 900);
    const page = test.stripe.world.checkouts.get(sold);
    if (page === undefined) throw new Error("no page");
    test.stripe.world.checkouts.set(sold, { ...page, metadata: { app: "shop" }, paymentMetadata: { app: "shop" } });
    test.stripe.world.pay(sold);
    test.stripe.world.dispute(sold);
    for (const event of test.stripe.world.events.slice(2)) await test.deliver(event);
    expect((await test.balance(alice)).balance).toBe(0n);
  });
});
