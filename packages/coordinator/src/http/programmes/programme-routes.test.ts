import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestCoordinator, type TestCoordinator } from "../../testing.js";

const ADMIN_KEY = "an-admin-key-that-is-long-enough";

let test: TestCoordinator;
let alice: string;
beforeAll(async () => {
  test = await startTestCoordinator({ adminKey: ADMIN_KEY, financialRate_perSecond: "0" });
  await Promise.all(["alice", "bob"].map((accountId) => test.key({ accountId, credit_microUsd: 0n })));
  alice = await test.session("alice");
});
afterAll(() => test.close());

async function call(method: string, path: string, body?: unknown, token = ADMIN_KEY) {
  const init = { method, headers: { authorization: `Bearer ${token}` }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
  const response = await fetch(`${test.url}/v1${path}`, init);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

describe("invite codes", () => {
  it("are made, listed, redeemed once an account by somebody who has signed in, and ended", async () => {
    const made = await call("POST", "/admin/invite-codes", { code: "spring", amount_usd: 5, unlimited: true });
    expect(made).toMatchObject({ status: 201, body: { code: "SPRING", amount_usd: "5.000000", max_uses: 0, expires_at: null } });
    expect((await call("POST", "/admin/invite-codes", { amount_usd: "0.5", max_uses: 0 })).body).toMatchObject({ max_uses: 1 });
    expect(await call("POST", "/invite/redeem", { code: " spring" }, alice)).toMatchObject({
      status: 200,
      body: { credited_usd: "5.000000", balance_usd: "5.000000" },
    });
    expect(await call("POST", "/invite/redeem", { code: "spring" }, alice)).toMatchObject({ status: 400 });
    expect(await call("POST", "/invite/redeem", { code: "autumn" }, alice)).toMatchObject({
      status: 404,
      body: { error: { code: "not_found" } },
    });
    expect((await call("DELETE", "/admin/invite-codes", { code: "Spring" })).body).toEqual({ status: "deactivated", code: "SPRING" });
    const first = await call("GET", "/admin/invite-codes?limit=1");
    const second = await call("GET", `/admin/invite-codes?limit=1&cursor=${first.body["next"]}`);
    expect(second.body).toMatchObject({ data: [{ code: "SPRING", used_count: 1, active: false }] });
    expect(await call("POST", "/admin/invite-codes", { code: "spring", amount_usd: 1 })).toMatchObject({ status: 409 });
  });

  it("cannot be redeemed with an API key, and not be guessed", async () => {
    expect((await call("POST", "/invite/redeem", { code: "x" }, await test.key({ accountId: "bob" }))).status).toBe(403);
    const bob = await test.session("bob");
    for (let guess = 0; guess < 10; guess += 1) await call("POST", "/invite/redeem", { code: `guess-${guess}` }, bob);
    expect(await call("POST", "/invite/redeem", { code: "guess" }, bob)).toMatchObject({ status: 429 });
  });
});

describe("the referral programme", () => {
  it("gives a code, notes who came with it, and tells both", async () => {
    expect((await call("GET", "/referral/stats", undefined, alice)).body).toMatchObject({ error: { code: "referral_error" } });
    expect((await call("POST", "/referral/register", { code: "alice-1" }, alice)).body).toMatchObject({
      code: "ALICE-1",
      share_percent: 20,
    });
    const bob = await test.session("bob");
    expect((await call("POST", "/referral/apply", { code: "alice-1" }, bob)).body).toMatchObject({ status: "applied", code: "ALICE-1" });
    expect(await call("POST", "/referral/apply", { code: "alice-1" }, bob)).toMatchObject({
      status: 400,
      body: { error: { code: "referral_error" } },
    });
    expect((await call("GET", "/referral/info", undefined, bob)).body).toEqual({ code: null, share_percent: 20, referred_by: "ALICE-1" });
    expect((await call("GET", "/referral/stats", undefined, alice)).body).toMatchObject({
      total_referred: 1,
      total_rewards_usd: "0.000000",
    });
  });
});
