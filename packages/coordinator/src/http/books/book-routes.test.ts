import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MODEL, startTestCoordinator, type TestCoordinator } from "../../testing.js";
import { LIST_LIMITS } from "./list-query.js";

type Json = Record<string, never>;

describe("what the books say", () => {
  let test: TestCoordinator;
  let key: string;
  let session: string;
  beforeAll(async () => {
    test = await startTestCoordinator({ financialRate_perSecond: "0" });
    key = await test.key({ accountId: "alice" });
    session = await test.session("owner");
    const authToken = await test.providerToken("owner");
    await test.provider({ authToken, serve: (request) => request.answer("one two three") });
    const openai = await test.client(key);
    for (let count = 0; count < 3; count += 1)
      await openai.chat.completions.create({ model: MODEL, messages: [{ role: "user", content: "hi" }] });
    await test.settledBalance(key);
  });
  afterAll(() => test.close());

  const get = async (pathname: string, token = key): Promise<Json> => {
    const { status, body } = await test.get(pathname, token);
    expect(status).toBe(200);
    return body as Json;
  };
  const csv = async (pathname: string, token: string) => {
    const reply = await fetch(`${test.url}${pathname}`, { headers: { authorization: `Bearer ${token}`, accept: "text/csv" } });
    expect(reply.headers.get("content-type")).toContain("text/csv");
    return (await reply.text()).trim().split("\r\n");
  };

  it("usage, page by page, narrowed down, and as a table", async () => {
    const first = await get("/v1/payments/usage?limit=2");
    expect(first).toMatchObject({ usage: [{ model: MODEL, cost_micro_usd: 100, cost_usd: "0.000100", own_machine: false }, {}] });
    const second = await get(`/v1/payments/usage?limit=2&cursor=${first["next_cursor"]}`);
    expect(second).toMatchObject({ usage: [{}], next_cursor: null });
    const ids = [first, second].flatMap((page) => (page["usage"] as unknown as { job_id: string }[]).map((row) => row.job_id));
    expect(new Set(ids).size).toBe(3);
    expect(await get("/v1/payments/usage?model=another")).toEqual({ usage: [], next_cursor: null });
    expect(await get("/v1/payments/usage?from=2000-01-01&to=2000-01-02")).toEqual({ usage: [], next_cursor: null });
    expect(await get("/v1/payments/usage", await test.key({ accountId: "bob" }))).toEqual({ usage: [], next_cursor: null });
    const lines = await csv("/v1/payments/usage", key);
    expect(lines).toHaveLength(4);
    expect(lines[0]).toMatch(/^job_id,model,/);
  });

  it.each(["day", "model", "key"])("usage summed by %s", async (group) => {
    expect(await get(`/v1/payments/usage/summary?group=${group}`)).toMatchObject({
      group,
      data: [{ requests: 3, cost_micro_usd: 300 }],
      total_micro_usd: 300,
      total_usd: "0.000300",
    });
  });

  it("one request, by any of its names, to its own account only", async () => {
    const list = await get("/v1/payments/usage?limit=1");
    const [{ job_id }] = list["usage"] as unknown as [{ job_id: string }];
    for (const id of [job_id, `chatcmpl-${job_id}`, `resp_${job_id.replaceAll("-", "")}`]) {
      expect(await get(`/v1/generation?id=${id}`)).toMatchObject({
        data: { id: job_id, state: "settled", total_cost: 0.0001, held_micro_usd: 0 },
      });
    }
    expect((await test.get(`/v1/generation?id=${job_id}`, await test.key({ accountId: "bob" }))).status).toBe(404);
  });

  it("what moved, latest first", async () => {
    const page = await get("/v1/payments/ledger?limit=2");
    expect(page).toMatchObject({ data: [{ type: "charge", amount_micro_usd: -100, seq: 4 }, { seq: 3 }], next: 3 });
    expect(await get(`/v1/payments/ledger?cursor=${page["next"]}&limit=${LIST_LIMITS.entries_max}`)).toMatchObject({
      data: [{}, { type: "deposit" }],
      next: null,
    });
  });

  it("earnings of an account and of a machine, with what a month would bring", async () => {
    expect(await get("/v1/provider/account-earnings", session)).toMatchObject({
      account_id: "owner",
      total_micro_usd: 300,
      count: 3,
      withdrawable_balance_micro_usd: 300,
      earnings: [{ amount_micro_usd: 100 }, {}, {}],
    });
    expect(await csv("/v1/provider/account-earnings", session)).toHaveLength(4);
    const machines = await get("/v1/me/providers", session);
    const [{ id }] = machines["data"] as unknown as [{ id: string }];
    expect(await get(`/v1/me/providers/${id}/earnings`, session)).toMatchObject({
      id,
      today_micro_usd: 300,
      last_7d_jobs: 3,
      forecast: { per_day_micro_usd: 42, per_30_days_micro_usd: 1_260 },
    });
    expect((await test.get(`/v1/me/providers/${id}/earnings`, await test.session("alice"))).status).toBe(404);
    expect(await get("/v1/me/summary", session)).toMatchObject({
      lifetime_micro_usd: 300,
      payout_ready: false,
      latest_provider_version: null,
      counts: { total: 1, online: 1, offline: 0, needs_attention: 0 },
    });
  });

  it("nobody's earnings to whoever names an account", async () => {
    const { status, body } = await test.get("/v1/provider/earnings?wallet=owner");
    expect({ status, body }).toMatchObject({
      status: 410,
      body: { error: { code: "gone", message: expect.stringContaining("account-earnings") } },
    });
  });

  it.each([
    ["/v1/payments/usage?limit=1001", "limit"],
    ["/v1/payments/usage?from=yesterday", "from"],
    ["/v1/payments/usage?cursor=nonsense", "cursor"],
    ["/v1/payments/usage?colour=red", "colour"],
    ["/v1/payments/usage/summary?group=hour", "group"],
    [`/v1/payments/ledger?limit=${LIST_LIMITS.entries_max + 1}`, "limit"],
  ])("nothing to %s, naming what is wrong", async (pathname, param) => {
    const { status, body } = await test.get(pathname, key);
    expect(status).toBe(400);
    expect(body).toMatchObject({ error: { param } });
  });

  it("what a provider asks for, within the operator's bounds", async () => {
    const change = (method: string, body: object) =>
      fetch(`${test.url}/v1/pricing`, {
        method,
        headers: { authorization: `Bearer ${session}`, "content-type": "application/json" },
        body: JSON.stringify(body),
      });
    const listed = (await get("/v1/pricing"))["prices"] as unknown as { model: string; input_price: number; output_price: number }[];
    const [{ model, input_price, output_price }] = listed as [(typeof listed)[number]];
    const doubled = await change("PUT", { model, input_price: 2 * input_price, output_price: 2 * output_price });
    expect(doubled.status).toBe(200);
    expect(await get("/v1/me/pricing", session)).toMatchObject({
      data: [{ model, input_price: 2 * input_price, list_input_price: input_price }],
      max_multiple: 10,
    });
    expect((await change("PUT", { model, input_price: 10 * input_price + 1, output_price })).status).toBe(400);
    expect((await change("PUT", { model: "unheard-of", input_price: 1, output_price: 1 })).status).toBe(404);
    expect((await change("DELETE", { model })).status).toBe(200);
    expect((await change("DELETE", { model })).status).toBe(404);
    expect((await test.get("/v1/me/pricing", key)).status).toBe(403);
  });
});
