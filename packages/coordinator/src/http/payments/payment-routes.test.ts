import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { post } from "../../ledger/index.js";
import { PAYMENT_LIMITS } from "../../payments/index.js";
import type { FakeStripe } from "../../payments/testing/index.js";
import { openStore, type Store } from "../../store/index.js";
import { startPaymentTest, type TestCoordinator } from "../../testing.js";

const DOLLAR = 1_000_000n;

describe("the routes of money in and out", () => {
  let payments: Awaited<ReturnType<typeof startPaymentTest>>;
  let stripe: FakeStripe;
  let test: TestCoordinator;
  let store: Store;
  let alice: string;
  let eve: string;
  beforeAll(async () => {
    payments = await startPaymentTest();
    ({ test, stripe } = payments);
    store = await openStore({ databaseUrl: test.databaseUrl });
    await test.key({ accountId: "alice", credit_microUsd: 0n });
    alice = await test.session("alice");
    eve = await test.session("eve");
  });
  afterAll(async () => {
    await store.close();
    await payments.close();
  });

  async function call(method: string, path: string, options: { body?: unknown; token?: string; headers?: Record<string, string> } = {}) {
    const { body, token = alice, headers = {} } = options;
    const response = await fetch(`${test.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...headers },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const reply = (await response.json()) as Record<string, unknown> & {
      readonly error?: { readonly code: string; readonly param?: string };
    };
    return { status: response.status, reply, code: reply.error?.code };
  }

  async function webhook(path: string, body: Uint8Array | string, signature = "t=1,v1=00") {
    const response = await fetch(`${test.url}${path}`, {
      method: "POST",
      headers: { "stripe-signature": signature },
      body: Buffer.from(body),
    });
    return { status: response.status, text: await response.text() };
  }

  let told = 0;
  async function deliver() {
    for (const event of stripe.world.events.slice(told)) {
      const { body, signature } = stripe.signed(event);
      const path = event.endpoint === "account" ? "/v1/billing/stripe/webhook" : "/v1/billing/stripe/connect/webhook";
      expect(await webhook(path, body, signature)).toEqual({ status: 200, text: "" });
    }
    told = stripe.world.events.length;
  }

  async function earn(accountId: string, amount_microUsd: bigint) {
    const entries = [
      { accountId, type: "admin_reward", amount_microUsd, withdrawable_microUsd: amount_microUsd },
      { accountId: "sys:rewards", type: "admin_reward", amount_microUsd: -amount_microUsd },
    ] as const;
    const idempotencyKey = `earn:${Math.random()}`;
    await store.transaction((tx) => post(tx, { kind: "admin_reward", idempotencyKey, reference: "test", entries }, new Date()));
  }

  it("fill an account by card", async () => {
    expect((await call("GET", "/v1/billing/methods")).reply).toMatchObject({
      methods: [{ method: "stripe", currencies: ["USD"] }],
      referral: { enabled: true, share_percent: 20 },
    });
    const opened = await call("POST", "/v1/billing/stripe/create-session", { body: { amount_usd: "12.50", email: "alice@example.org" } });
    expect(opened).toMatchObject({ status: 200, reply: { amount_usd: "12.500000", amount_micro_usd: 12_500_000 } });
    const { session_id, stripe_session } = opened.reply as Record<string, string>;
    expect(stripe.requests.at(-1)?.form).toMatchObject({ success_url: "https://umbel.example/billing?session_id={CHECKOUT_SESSION_ID}" });
    stripe.world.pay(String(stripe_session));
    await deliver();
    const status = await call("GET", `/v1/billing/stripe/session?id=${session_id}`);
    expect(status.reply).toMatchObject({ session_id, status: "completed", amount_micro_usd: 12_500_000, payment_method: "stripe" });
    expect(await call("GET", `/v1/billing/stripe/session?id=${session_id}`, { token: eve })).toMatchObject({
      status: 404,
      code: "not_found",
    });
    expect(await call("GET", "/v1/billing/stripe/session")).toMatchObject({ status: 400 });
    expect((await call("GET", "/v1/billing/deposits")).reply["data"]).toMatchObject([{ session_id, status: "completed" }]);
    expect((await call("GET", "/v1/billing/deposits", { token: eve })).reply["data"]).toEqual([]);
    expect((await call("GET", "/v1/payments/balance")).reply).toMatchObject({ balance_micro_usd: 12_500_000, withdrawable_micro_usd: 0 });
  });

  it("take a key for a deposit, but no e-mail address with it, and no withdrawal", async () => {
    const token = await test.key({ accountId: "alice", credit_microUsd: 0n });
    expect(await call("POST", "/v1/billing/stripe/create-session", { token, body: { amount_usd: 1 } })).toMatchObject({ status: 200 });
    const named = { amount_usd: 1, email: "a@b.c" };
    expect(await call("POST", "/v1/billing/stripe/create-session", { token, body: named })).toMatchObject({
      status: 403,
      code: "forbidden",
    });
    for (const path of ["/v1/billing/stripe/onboard", "/v1/billing/withdraw/stripe"])
      expect(await call("POST", path, { token, body: {} })).toMatchObject({ status: 403, code: "forbidden" });
    expect(await call("GET", "/v1/billing/withdrawals", { token })).toMatchObject({ status: 403 });
  });

  it.each([
    ['{"amount_usd": 0.57}', 200],
    ['{"amount_usd": "0.57"}', 200],
    ['{"amount_usd": 0.570000000000000001}', 400],
    ['{"amount_usd": 1e1}', 400],
    ['{"amount_usd": -1}', 400],
    ['{"amount_usd": "NaN"}', 400],
    ['{"amount_usd": " 1"}', 400],
    ['{"amount_usd": 0.505}', 400],
    ['{"amount_usd": 0.49}', 400],
    ['{"amount_usd": 10000.01}', 400],
    ['{"amount_usd": 5, "referral_code": "nobody"}', 400],
    ["{}", 400],
  ])("read amounts as they are written: %s is %i", async (body, status) => {
    expect((await call("POST", "/v1/billing/stripe/create-session", { body })).status).toBe(status);
    if (status === 200) expect(stripe.requests.at(-1)?.form["line_items"]).toMatchObject({ 0: { price_data: { unit_amount: "57" } } });
  });

  it("believe signed events only, up to a megabyte of them", async () => {
    for (const path of ["/v1/billing/stripe/webhook", "/v1/billing/stripe/connect/webhook"]) {
      expect(await webhook(path, '{"id":"evt_1"}')).toMatchObject({ status: 400 });
      expect(await webhook(path, Buffer.alloc(PAYMENT_LIMITS.webhook_bytes_max + 1))).toMatchObject({ status: 413 });
    }
  });

  it("pay out to a bank account", async () => {
    expect((await call("GET", "/v1/billing/stripe/status")).reply).toEqual({
      ...{ has_account: false, configured: true, status: "" },
      ...{ min_withdraw_micro_usd: 1_000_000, instant_fee_bps: 150, instant_fee_min_usd: 0.5 },
    });
    expect(await call("POST", "/v1/billing/withdraw/stripe", { body: { amount_usd: 1 } })).toMatchObject({
      status: 403,
      code: "not_onboarded",
    });
    const page = await call("POST", "/v1/billing/stripe/onboard", { body: { country: "US" } });
    expect(page).toMatchObject({ status: 200, reply: { status: "pending" } });
    stripe.world.onboard(String(page.reply["stripe_account_id"]));
    await deliver();
    expect((await call("GET", "/v1/billing/stripe/status?refresh=1")).reply).toMatchObject({
      ...{ has_account: true, status: "ready", destination_type: "bank", destination_last4: "6789", instant_eligible: false },
    });
    expect((await call("GET", "/v1/me/summary")).reply).toMatchObject({ payout_ready: true });
    expect((await call("GET", "/v1/me/summary", { token: eve })).reply).toMatchObject({ payout_ready: false });
    expect(await call("POST", "/v1/billing/withdraw/stripe", { body: { amount_usd: 5 } })).toMatchObject({
      ...{ status: 400, code: "insufficient_withdrawable" },
    });
    await earn("alice", 20n * DOLLAR);
    const asked = { body: { amount_usd: "5.25", method: "standard" }, headers: { "idempotency-key": "one" } };
    const sent = await call("POST", "/v1/billing/withdraw/stripe", asked);
    expect(sent).toMatchObject({
      status: 200,
      reply: { status: "submitted", amount_usd: "5.25", fee_usd: "0.00", net_usd: "5.25", eta: "1-2 business days", method: "standard" },
    });
    expect((await call("POST", "/v1/billing/withdraw/stripe", asked)).reply["withdrawal_id"]).toBe(sent.reply["withdrawal_id"]);
    stripe.world.settle(String(sent.reply["payout_id"]), "paid");
    await deliver();
    const path = `/v1/billing/stripe/withdrawals/${String(sent.reply["withdrawal_id"])}`;
    expect((await call("GET", path)).reply).toMatchObject({ status: "paid", refunded: false, net_usd: "5.25" });
    expect(await call("GET", path, { token: eve })).toMatchObject({ status: 404 });
    expect((await call("GET", "/v1/billing/withdrawals")).reply["withdrawals"]).toHaveLength(1);
    expect((await call("GET", "/v1/billing/withdrawals?limit=201")).status).toBe(400);
  });

  it("answer 202 while a withdrawal is on its way, and 502 when it was refused and given back", async () => {
    const [account] = [...stripe.world.accounts.values()];
    if (account === undefined) throw new Error("no account");
    account.payoutsEnabled = false;
    const waiting = await call("POST", "/v1/billing/withdraw/stripe", { body: { amount_usd: 2 } });
    expect(waiting).toMatchObject({ status: 202, reply: { status: "transferred", payout_id: null } });
    expect(waiting.reply["message"]).toBeTypeOf("string");
    stripe.world.accounts.delete(account.id);
    const before = (await call("GET", "/v1/payments/balance")).reply;
    expect(await call("POST", "/v1/billing/withdraw/stripe", { body: { amount_usd: 2 } })).toMatchObject({
      status: 502,
      code: "stripe_error",
    });
    expect((await call("GET", "/v1/payments/balance")).reply).toEqual(before);
    stripe.world.accounts.set(account.id, account);
  });

  it("keep nothing of people, cards and secrets in the log or the database", async () => {
    const tables = await store.client<
      { name: string }[]
    >`select table_name as name from information_schema.tables where table_schema = 'public'`;
    const texts = [test.log.join("\n")];
    for (const { name } of tables)
      texts.push(JSON.stringify(await store.client`select to_jsonb(t)::text as row from ${store.client(name)} t`));
    const everything = texts.join("\n");
    expect(everything).toContain("6789");
    for (const canary of ["canary", "Canary", "110000000", "sk_test", "whsec", "alice@example.org"])
      expect(everything).not.toContain(canary);
    // Of the card; not the same digits in a time or an id.
    expect(everything).not.toMatch(/(?<![\w.])4242(?!\w)/);
  });
});
