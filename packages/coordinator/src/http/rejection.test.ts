import { createHash } from "node:crypto";
import { SEALED_CONTENT_TYPE } from "@umbel/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildOf } from "../catalog/testing.js";
import { TEST_BUILD, testModel, testSlot } from "../fleet/testing/index.js";
import { openStore, type Store } from "../store/index.js";
import { MODEL, startTestCoordinator, type TestCoordinator } from "../testing.js";

const ADMIN_KEY = "an-admin-key-that-is-long-enough";
const SECRET_WORDS = "the heron stands in the reeds";
const ask = (change: object = {}) => JSON.stringify({ model: MODEL, messages: [{ role: "user", content: SECRET_WORDS }], ...change });

describe("refused requests are recorded", () => {
  let test: TestCoordinator;
  let store: Store;
  beforeAll(async () => {
    test = await startTestCoordinator({ adminKey: ADMIN_KEY, queueSizes: `${TEST_BUILD}=0` });
    store = await openStore({ databaseUrl: test.databaseUrl });
  });
  afterAll(async () => {
    await store.close();
    await test.close();
  });

  const PATIENCE = { timeout: 20_000 };
  const rowsOf = (accountId: string) => {
    const hash = createHash("sha256").update(accountId).digest("hex");
    return store.client`select * from rejections where account_hash = ${hash} order by id`;
  };
  const oneRowOf = async (accountId: string) => {
    await expect.poll(async () => (await rowsOf(accountId)).length, PATIENCE).toBe(1);
    return (await rowsOf(accountId))[0];
  };

  it.each<[string, string, number, (accountId: string) => Promise<Response>]>([
    [
      "rate_limit",
      "rate_limit_exceeded",
      429,
      async (accountId) => {
        const apiKey = await test.key({ accountId, rpmLimit: 1 });
        await test.post(ask(), { apiKey });
        return test.post(ask(), { apiKey });
      },
    ],
    [
      "model_resolution",
      "model_unavailable",
      503,
      async (accountId) => {
        const model = testModel({ weight_hash: buildOf(TEST_BUILD).weightHash, capabilities: ["chat"] });
        const provider = await test.provider({ models: [model] });
        const tools = [{ type: "function", function: { name: "look", parameters: { type: "object", properties: {} } } }];
        const refused = await test.post(ask({ tools }), { apiKey: await test.key({ accountId }) });
        await provider.close();
        return refused;
      },
    ],
    ["validation", "invalid_request_error", 400, async (accountId) => test.post("{", { apiKey: await test.key({ accountId }) })],
    ["validation", "invalid_request_error", 400, async (accountId) => test.post(ask({ n: 99 }), { apiKey: await test.key({ accountId }) })],
    [
      "transport",
      "invalid_sealed_envelope",
      400,
      async (accountId) => test.post("{}", { apiKey: await test.key({ accountId }), headers: { "content-type": SEALED_CONTENT_TYPE } }),
    ],
    [
      "model_resolution",
      "model_not_found",
      404,
      async (accountId) => test.post(ask({ model: "x" }), { apiKey: await test.key({ accountId }) }),
    ],
    [
      "model_resolution",
      "model_not_allowed",
      403,
      async (accountId) => test.post(ask(), { apiKey: await test.key({ accountId, allowedModels: ["other"] }) }),
    ],
    ["preflight_capacity", "model_unavailable", 503, async (accountId) => test.post(ask(), { apiKey: await test.key({ accountId }) })],
    [
      "preflight_capacity",
      "model_unavailable",
      503,
      async (accountId) => test.post(ask({ stream: true }), { apiKey: await test.key({ accountId }) }),
    ],
  ])("%s: %s", async (stage, reason, status, refuse) => {
    const accountId = `refused-${crypto.randomUUID()}`;
    expect((await refuse(accountId)).status).toBe(status);
    const row = { endpoint: "/v1/chat/completions", stage, reason, http_status: status };
    await expect.poll(() => rowsOf(accountId), PATIENCE).toContainEqual(expect.objectContaining(row));
  });

  it("says in the words of each dialect that the line of a build is full", async () => {
    const provider = await test.provider({ slots: [testSlot({ max_concurrency: 1 })] });
    const apiKey = await test.key({ accountId: "crowd" });
    const taken = test.post(ask(), { apiKey });
    const running = await provider.request();
    const headers = { authorization: `Bearer ${apiKey}`, "content-type": "application/json" };
    for (const [path, type] of [
      ["/v1/chat/completions", "rate_limit_exceeded"],
      ["/v1/messages", "rate_limit_error"],
    ]) {
      const refused = await fetch(`${test.url}${path}`, { method: "POST", headers, body: ask({ max_tokens: 20 }) });
      expect(refused.status).toBe(429);
      expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
      expect(await refused.json()).toMatchObject({ error: { type, message: expect.stringContaining("queue is full") } });
    }
    await running.answer("hi");
    expect((await taken).status).toBe(200);
    await provider.close();
  });

  it("with what the request was like, whether a machine could have served it, and nothing of what was asked", async () => {
    const provider = await test.provider({ serve: (request) => request.answer("hi") });
    const apiKey = await test.key({ accountId: "poor", credit_microUsd: 0n });
    const body = ask({ max_tokens: 20, temperature: 0.5, stream: true });
    const response = await test.post(body, { apiKey, headers: { "user-agent": "curl/8.5.0" } });
    expect(response.status).toBe(402);
    expect(await oneRowOf("poor")).toMatchObject({
      stage: "balance",
      reason: "insufficient_funds",
      http_status: 402,
      key_id: expect.stringMatching(/^key_/),
      client_class: "curl",
      body_bytes: BigInt(body.length),
      requested_model: MODEL,
      resolved_model: "test-build",
      stream: true,
      choices: 1,
      estimated_prompt_tokens: expect.any(BigInt),
      max_output_tokens: 20n,
      requires_vision: false,
      has_tools: false,
      temperature: 0.5,
      could_have_served: true,
      candidates: 1,
      limit_kind: "balance",
      over_by: null,
    });
    const [row] = await rowsOf("poor");
    // The least charge, of which there is nothing.
    expect([row?.["shortfall_micro_usd"] >= 100n, row?.["shortfall_micro_usd"] < 1_000n]).toEqual([true, true]);
    const { body: list } = await test.get("/v1/admin/rejections?reason=insufficient_funds&limit=1", ADMIN_KEY);
    expect(list).toMatchObject({ data: [{ limit_kind: "balance", shortfall_micro_usd: Number(row?.["shortfall_micro_usd"]) }] });
    await provider.close();
  });

  it("with how much more than was left of a key's cap, or of a limit", async () => {
    const provider = await test.provider({ serve: (request) => request.answer("hi") });
    const capped = await test.key({ accountId: "capped", limit_microUsd: 60n });
    expect((await test.post(ask({ max_tokens: 20 }), { apiKey: capped })).status).toBe(402);
    expect(await oneRowOf("capped")).toMatchObject({ reason: "insufficient_quota", limit_kind: "key_limit" });
    expect((await rowsOf("capped"))[0]?.["shortfall_micro_usd"]).toBeGreaterThanOrEqual(40n);
    const metered = await test.key({ accountId: "metered", rpmLimit: 1 });
    await test.post(ask(), { apiKey: metered });
    expect((await test.post(ask(), { apiKey: metered })).status).toBe(429);
    const limited = { reason: "rate_limit_exceeded", limit_kind: "key_requests", over_by: 1n, shortfall_micro_usd: null };
    expect(await oneRowOf("metered")).toMatchObject(limited);
    await provider.close();
  });

  it("and can be read by the operator: filtered, page by page, and as a file", async () => {
    const apiKey = await test.key({ accountId: "browsed" });
    for (const model of ["first-missing", "second-missing", "third-missing"]) await test.post(ask({ model }), { apiKey });
    await expect.poll(async () => (await rowsOf("browsed")).length, PATIENCE).toBe(3);
    const list = async (query: string) => {
      const { status, body } = await test.get(`/v1/admin/rejections?${query}`, ADMIN_KEY);
      return { status, ...(body as { data: { requested_model: string; reason: string }[]; next: string | null }) };
    };
    const first = await list("reason=model_not_found&stage=model_resolution&limit=2");
    expect(first.data.map(({ requested_model }) => requested_model)).toEqual(["third-missing", "second-missing"]);
    const second = await list(`reason=model_not_found&stage=model_resolution&limit=2&after=${first.next}`);
    expect(second.data[0]?.requested_model).toBe("first-missing");
    expect((await list("model=second-missing")).data).toHaveLength(1);
    expect((await list("since=2020-01-01T00:00:00Z&until=2020-01-02T00:00:00Z")).data).toEqual([]);
    for (const wrong of ["limit=0", "stage=nowhere", "since=yesterday", "colour=red"]) expect((await list(wrong)).status).toBe(400);
    expect((await test.get("/v1/admin/rejections", apiKey)).status).toBe(403);

    const response = await fetch(`${test.url}/v1/admin/rejections/export?model=second-missing`, {
      headers: { authorization: `Bearer ${ADMIN_KEY}` },
    });
    const [columns, row, end] = (await response.text()).split("\r\n");
    expect(response.headers.get("content-disposition")).toMatch(/^attachment; filename="rejections-.*\.csv"$/);
    expect([columns?.startsWith("id,at,endpoint,stage,reason"), row?.includes("second-missing"), end]).toEqual([true, true, ""]);
  });

  it("unlike those that were answered; and no row holds a word of any of them", async () => {
    const provider = await test.provider({ serve: (request) => request.answer("hi") });
    const apiKey = await test.key({ accountId: "served" });
    expect((await test.post(ask(), { apiKey })).status).toBe(200);
    expect((await test.post(ask({ model: SECRET_WORDS }), { apiKey })).status).toBe(404);
    expect(await oneRowOf("served")).toMatchObject({ reason: "model_not_found", requested_model: null });
    const [all] = await store.client`select string_agg(rejections::text, ' ') as text from rejections`;
    expect(all?.["text"]).not.toContain("heron");
    await provider.close();
  });
});
