import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TEST_BUILD } from "../../fleet/testing/index.js";
import { startTestCoordinator, type TestCoordinator } from "../../testing.js";

const ADMIN_KEY = "an-admin-key-that-is-long-enough";

describe("accounts and their money, for the operator", () => {
  let test: TestCoordinator;
  beforeAll(async () => {
    test = await startTestCoordinator({ adminKey: ADMIN_KEY });
    await test.key({ accountId: "alice", credit_microUsd: 0n });
  });
  afterAll(() => test.close());

  async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    const response = await fetch(`${test.url}/v1/admin${path}`, {
      method,
      headers: { authorization: `Bearer ${ADMIN_KEY}`, ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, key: response.headers.get("idempotency-key"), body: await response.json() };
  }

  it("are credited and rewarded, once a key, and the key that was made is told", async () => {
    const credit = await call("POST", "/credit", { account_id: "alice", amount_usd: "2.50", note: "hello" });
    expect(credit).toMatchObject({
      status: 200,
      body: { ok: true, account_id: "alice", credited_usd: "2.500000", withdrawable: false, balance_after: 2_500_000 },
    });
    const again = await call(
      "POST",
      "/credit",
      { account_id: "alice", amount_usd: "2.50", note: "hello" },
      { "idempotency-key": credit.key ?? "" },
    );
    expect(again).toMatchObject({ status: 200, key: credit.key, body: { balance_after: 2_500_000 } });
    const reward = await call("POST", "/reward", { account_id: "alice", amount_usd: 0.000001 });
    expect(reward.body).toMatchObject({ rewarded_usd: "0.000001", balance_after: 2_500_001, withdrawable_after: 1 });
    const { body } = await call("GET", "/users/alice/ledger?limit=1");
    expect(body).toMatchObject({ account_id: "alice", data: [{ seq: 2, type: "admin_reward" }], next: 2 });
    expect((await call("GET", "/users/alice/ledger?cursor=2")).body).toMatchObject({ data: [{ amount_usd: "2.500000" }], next: null });
  });

  it("have a role, a fee and a state", async () => {
    expect(await call("PUT", "/users/role", { account_id: "alice", role: "service" })).toMatchObject({ body: { status: "role_updated" } });
    const fee = await call("PUT", "/users/platform-fee", { account_id: "alice", platform_fee_percent: 12 });
    expect(fee.body).toMatchObject({ status: "platform_fee_updated", platform_fee_percent: 12 });
    expect((await call("POST", "/users/alice/freeze", { reason: "dispute" })).body).toEqual({ status: "frozen", account_id: "alice" });
    const { body } = await call("GET", "/users?q=ALI");
    expect(body).toMatchObject({
      data: [{ account_id: "alice", role: "service", platform_fee_percent: 12, frozen_reason: "dispute", keys: 1 }],
    });
    expect((await call("POST", "/users/alice/unfreeze")).body).toEqual({ status: "active", account_id: "alice" });
    const audit = await call("GET", "/audit?target=alice&limit=2");
    expect(audit.body).toMatchObject({ data: [{ action: "account.unfreeze", actor: "admin-key" }, { action: "account.freeze" }] });
  });

  it("go over to another, once a key, with all they have", async () => {
    await test.key({ accountId: "twin", credit_microUsd: 3_000_000n });
    const key = { "idempotency-key": "merge-1" };
    const merged = await call("POST", "/users/twin/merge", { into: "alice" }, key);
    expect(merged).toMatchObject({
      status: 200,
      body: { status: "merged", account_id: "twin", into: "alice", moved_usd: "3.000000", rows: { api_keys: 1 } },
    });
    expect((await call("POST", "/users/twin/merge", { into: "alice" }, key)).body).toEqual(merged.body);
    expect((await call("GET", "/users?q=twin")).body).toMatchObject({ data: [{ merged_into: "alice", balance_micro_usd: 0, keys: 0 }] });
    expect((await call("POST", "/users/twin/merge", { into: "alice" })).status).toBe(404);
  });

  it("and the list price of a build, that holds from then on", async () => {
    const price = { model: TEST_BUILD, input_price: 70_000, output_price: 300_000 };
    expect(await call("PUT", "/pricing", price)).toMatchObject({
      status: 200,
      body: { status: "platform_default_updated", ...price, input_usd: "$0.0700 per 1M tokens" },
    });
    expect((await test.get("/v1/pricing")).body).toMatchObject({ prices: expect.arrayContaining([expect.objectContaining(price)]) });
  });

  it.each([
    ["POST", "/credit", { account_id: "nobody", amount_usd: 1 }, 404, "not_found"],
    ["POST", "/credit", { email: "nobody@example.org", amount_usd: 1 }, 404, "not_found"],
    ["POST", "/credit", { amount_usd: 1 }, 400, "bad_request"],
    ["POST", "/credit", { account_id: "alice", email: "a@b", amount_usd: 1 }, 400, "bad_request"],
    ["POST", "/credit", { account_id: "alice", amount_usd: 0 }, 400, "bad_request"],
    ["POST", "/reward", { account_id: "alice", amount_usd: -1 }, 400, "bad_request"],
    ["POST", "/reward", { account_id: "alice", amount_usd: "1e3" }, 400, "bad_request"],
    ["POST", "/reward", { account_id: "alice", amount_usd: "0.0000001" }, 400, "bad_request"],
    ["PUT", "/users/role", { account_id: "alice", role: "admin" }, 400, "bad_request"],
    ["PUT", "/users/platform-fee", { account_id: "alice", platform_fee_percent: 101 }, 400, "bad_request"],
    ["PUT", "/pricing", { model: "no-such-build", input_price: 1, output_price: 1 }, 404, "not_found"],
    ["PUT", "/pricing", { model: TEST_BUILD, input_price: 0, output_price: 1 }, 400, "bad_request"],
    ["POST", "/users/alice/freeze", { reason: " " }, 400, "bad_request"],
    ["POST", "/users/nobody/unfreeze", undefined, 404, "not_found"],
    ["GET", "/users/nobody/ledger", undefined, 404, "not_found"],
    ["GET", "/users?limit=201", undefined, 400, "invalid_request_error"],
  ])("refuse %s %s of %j with %i", async (method, path, body, status, code) => {
    expect(await call(method, path, body)).toMatchObject({ status, body: { error: { code } } });
  });
});
