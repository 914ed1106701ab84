import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { accountRepository, stripeAccountRepository } from "../../store/index.js";
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

const refusal = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: PaymentRefusal) => `${error.code} ${error.param ?? ""}`.trim(),
  );

describe("a connected account", () => {
  it("is made once for a country, and asks Stripe's questions on Stripe's page", async () => {
    const first = await test.payments.accounts.onboard({ accountId: bob, country: "us", email: "bob@example.org" });
    const second = await test.payments.accounts.onboard({ accountId: bob });
    expect(first.account).toMatchObject({ country: "US", status: "pending", active: true });
    expect(second.account.stripeAccountId).toBe(first.account.stripeAccountId);
    expect(first.url).toContain(first.account.stripeAccountId);
    expect(test.stripe.requests.map(({ path }) => path)).toEqual(["/v1/accounts", "/v1/account_links", "/v1/account_links"]);
    expect(test.stripe.requests[0]?.idempotencyKey).toBe(`acct-${bob}-US`);
    expect(test.stripe.requests[0]?.form).toMatchObject({
      ...{ type: "express", business_type: "individual", email: "bob@example.org" },
      settings: { payouts: { schedule: { interval: "manual" } } },
    });
  });

  it("mirrors what Stripe says of it, and no older word over a newer one", async () => {
    const { account } = await test.payments.accounts.onboard({ accountId: bob, country: "US" });
    const { stripeAccountId } = account;
    test.stripe.world.change(stripeAccountId, { detailsSubmitted: true, currentlyDue: ["individual.id_number"] });
    await test.deliverAll();
    expect(await test.payments.accounts.status(bob, false)).toMatchObject({ status: "restricted", currentlyDue: ["individual.id_number"] });
    await test.clock.advance(2_000);
    test.stripe.world.onboard(stripeAccountId, "debit");
    await test.deliverAll();
    const ready = { status: "ready", destinationType: "card", destinationLast4: "5556", instantEligible: true };
    expect(await test.payments.accounts.status(bob, false)).toMatchObject(ready);
    const [old] = test.stripe.world.events;
    if (old === undefined) throw new Error("no event");
    await test.deliver({ ...old, body: old.body.replace(old.id, "evt_later_delivery") });
    expect(await test.payments.accounts.status(bob, false)).toMatchObject(ready);
    test.stripe.world.change(stripeAccountId, { payoutsEnabled: false, disabledReason: "rejected.fraud", destination: "bank" });
    expect(await test.payments.accounts.status(bob, true)).toMatchObject({
      status: "rejected",
      destinationType: "bank",
      destinationLast4: "6789",
    });
    expect(await test.payments.accounts.status(randomUUID(), true)).toBeUndefined();
  });

  it("is another one in another country, but not while money is on its way; the first one's events still count", async () => {
    await test.earn(bob, 5n * DOLLAR);
    const first = await test.onboarded(bob);
    const row = await test.payments.withdrawByStripe({ accountId: bob, amount_microUsd: 2n * DOLLAR, method: "standard" });
    expect(await refusal(test.payments.accounts.onboard({ accountId: bob, country: "DE" }))).toBe("conflict");
    test.stripe.world.settle(row.payoutId ?? "", "paid");
    await test.deliverAll();
    const { account } = await test.payments.accounts.onboard({ accountId: bob, country: "DE" });
    expect(account).toMatchObject({ country: "DE", status: "pending" });
    expect(account.stripeAccountId).not.toBe(first);
    test.stripe.world.settle(row.payoutId ?? "", "failed");
    await test.deliverAll();
    await test.later(1_000);
    expect(await test.withdrawal(row.id)).toMatchObject({ status: "failed", refunded: true });
    await test.payments.accounts.onboard({ accountId: bob, country: "US" });
    expect((await stripeAccountRepository.active(database.store.db, bob))?.stripeAccountId).toBe(first);
  });

  it("takes an event of the second in which it was asked about for news: events tell no more of their time", async () => {
    await test.later(999 - (test.clock.date().getTime() % 1_000));
    const { account } = await test.payments.accounts.onboard({ accountId: bob, country: "US" });
    test.stripe.world.onboard(account.stripeAccountId);
    await test.deliverAll();
    expect(await test.payments.accounts.status(bob, false)).toMatchObject({ status: "ready" });
  });

  it("sends nobody to a page that the operator has not named", async () => {
    const onboard = (returnUrl: string) => refusal(test.payments.accounts.onboard({ accountId: bob, country: "US", returnUrl }));
    expect(await onboard("https://umbel.example/elsewhere?x=1")).toBeUndefined();
    for (const page of [
      "https://evil.example/",
      "javascript:alert(1)",
      "http://localhost:3000/",
      "https://umbel.example.evil.example/",
      "x",
    ])
      expect(await onboard(page)).toBe("invalid_request_error return_url");
    expect(await refusal(test.payments.accounts.onboard({ accountId: bob, country: "USA" }))).toBe("invalid_request_error country");
  });

  it("says that Stripe did not answer", async () => {
    test.stripe.fault = () => "lost_request";
    expect(await refusal(test.payments.accounts.onboard({ accountId: bob, country: "US" }))).toBe("stripe_error");
  });
});
