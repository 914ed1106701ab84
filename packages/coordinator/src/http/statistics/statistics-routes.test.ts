import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ProviderClient, type ServedRequest, TEST_BUILD } from "../../fleet/testing/index.js";
import { MODEL, startTestCoordinator, type TestCoordinator } from "../../testing.js";

type Body = Record<string, unknown>;

const BERLIN = { country: "DE", city: "Berlin" };
const PSEUDONYM = /^[a-z]+-[a-z]+-\d{4}$/;

describe("public figures", () => {
  let test: TestCoordinator;
  let machines: ProviderClient[];
  const get = async (path: string) => (await test.get(path)).body as Body;

  beforeAll(async () => {
    test = await startTestCoordinator();
    const serve = (request: ServedRequest) => request.answer("a short answer");
    const token = await test.providerToken("bob");
    machines = [
      await test.provider({ serve, authToken: token, location: BERLIN }),
      await test.provider({ serve, authToken: token, location: BERLIN }),
      await test.provider({ serve, privateOnly: true, location: BERLIN, authToken: await test.providerToken("alice") }),
      await test.provider({ serve, authToken: await test.providerToken("shy") }),
    ];
    const response = await fetch(`${test.url}/v1/me/visibility`, {
      method: "PUT",
      headers: { authorization: `Bearer ${await test.session("shy")}`, "content-type": "application/json" },
      body: JSON.stringify({ listed: false }),
    });
    expect(response.status).toBe(200);
    const apiKey = await test.key({ accountId: "alice" });
    const openai = await test.client(apiKey);
    for (let ask = 0; ask < 8; ask += 1)
      await openai.chat.completions.create({ model: MODEL, messages: [{ role: "user", content: "hi" }] });
    // One's own machine serves oneself: that is nobody else's business.
    const own = { headers: { "X-Umbel-Route": "self" } };
    await openai.chat.completions.create({ model: MODEL, messages: [{ role: "user", content: "hi" }] }, own);
    await test.settledBalance(apiKey);
  });
  afterAll(() => test.close());

  it("sum up what was served, and list machines by pseudonym: no private ones, none of owners who would rather not", async () => {
    const stats = await get("/v1/stats");
    expect(stats).toMatchObject({
      total_requests: 8,
      active_providers: 3,
      unlisted_providers: 1,
      models: expect.arrayContaining([{ id: TEST_BUILD, providers: 3 }]),
      hardware: [{ providers: 3 }],
      network_utilization: { utilization: 0 },
      unlocated_providers: 1,
      flows: [],
      location_privacy: { min_providers: 2, city_min_requests: 5, flow_min_requests: 5, max_flows: 24 },
    });
    const [place, ...others] = stats["locations"] as readonly { readonly requests: number }[];
    expect([place, others]).toMatchObject([{ country: "DE", providers: 2 }, []]);
    expect(place?.requests).toBeLessThanOrEqual(8);
    expect(stats["providers"]).toHaveLength(2);
    const series = stats["time_series"] as readonly { readonly requests: number }[];
    expect(series).toHaveLength(30);
    expect(series.reduce((sum, { requests }) => sum + requests, 0)).toBe(8);
    const text = JSON.stringify(stats);
    for (const { machineId, sessionId } of machines) {
      expect(text).not.toContain(machineId);
      expect(text).not.toContain(sessionId);
    }
    for (const account of ["alice", "bob", "shy"]) expect(text).not.toContain(account);
  });

  it("name countries to aggregators, as far as owners say them", async () => {
    const { body } = await test.get("/v1/models/openrouter", await test.key({ accountId: "alice" }));
    expect(body).toMatchObject({ data: [{ datacenters: [{ country_code: "DE" }] }] });
  });

  it("stand for a minute", async () => {
    const { generated_at } = await get("/v1/stats");
    expect((await get("/v1/stats"))["generated_at"]).toBe(generated_at);
  });

  it.each(["earnings", "tokens", "jobs"])("say who serves most by %s, under names that tell nobody who it is", async (metric) => {
    const board = await get(`/v1/leaderboard?metric=${metric}&window=24h`);
    const entries = board["entries"] as readonly Body[];
    expect(board).toMatchObject({ metric, window: "24h" });
    expect(entries).toMatchObject([{ rank: 1, pseudonym: expect.stringMatching(PSEUDONYM), jobs: expect.any(Number) }]);
    expect(JSON.stringify(board)).not.toContain("bob");
  });

  it("say what all have earned, those who are not listed included", async () => {
    expect(await get("/v1/network/totals?window=7d")).toMatchObject({ window: "7d", jobs: 8, active_accounts: expect.any(Number) });
  });

  it.each([
    "/v1/leaderboard?metric=fame",
    "/v1/leaderboard?window=1y",
    "/v1/leaderboard?limit=0",
    "/v1/leaderboard?limit=201",
    "/v1/leaderboard?who=bob",
    "/v1/network/totals?window=century",
  ])("refuse %s", async (path) => {
    const { status, body } = await test.get(path);
    expect({ status, body }).toMatchObject({ status: 400, body: { error: { param: expect.any(String) } } });
  });

  it("are an owner's to leave and to come back to, for whoever has signed in", async () => {
    const shy = await test.session("shy");
    expect((await test.get("/v1/me/visibility", shy)).body).toEqual({ listed: false });
    expect((await test.get("/v1/me/visibility", await test.key({ accountId: "shy" }))).status).toBe(403);
  });
});
