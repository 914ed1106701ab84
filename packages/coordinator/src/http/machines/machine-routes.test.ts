import { REFUSAL_REASONS } from "@umbel/routing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ProviderClient, testModel } from "../../fleet/testing/index.js";
import { MODEL, startTestCoordinator, type TestCoordinator } from "../../testing.js";
import { ADVICE } from "./advice.js";

type Body = Record<string, unknown>;

describe("why a machine gets no work", () => {
  let test: TestCoordinator;
  let token: string;
  let alice: string;

  beforeAll(async () => {
    test = await startTestCoordinator();
    await test.key({ accountId: "alice" });
    token = await test.providerToken("alice");
    alice = await test.session("alice");
  });
  afterAll(() => test.close());

  const machine = (options: Parameters<TestCoordinator["provider"]>[0] = {}): Promise<ProviderClient> =>
    test.provider({ authToken: token, serve: (request) => request.answer("hi"), ...options });
  const listed = async (as = alice) => (await test.get("/v1/me/providers", as)).body as { data: readonly Body[] };
  const why = async (id: unknown, query = "", as = alice) => test.get(`/v1/me/providers/${id}/why${query}`, as);
  /** The machine that connected last, as its owner sees it. */
  async function latest(): Promise<Body> {
    const [first] = (await listed()).data;
    return first ?? {};
  }

  it("is nothing for a healthy one: its place among the others is told", async () => {
    const provider = await machine();
    const { id, status, routing } = await latest();
    expect({ status, routing }).toMatchObject({ status: "online", routing: { state: "gets_work", builds: [{ rank: 1, competitors: 1 }] } });
    const { body } = await why(id);
    expect(body).toMatchObject({ state: "gets_work", reason: null, lately: { chosen: 0, asked: 0 } });
    expect((body as Body)["words"]).toContain("nobody has asked for a model that it offers in that time");
    const openai = await test.client(await test.key({ accountId: "bob" }));
    await openai.chat.completions.create({ model: MODEL, messages: [{ role: "user", content: "hello" }] });
    expect((await why(id, `?model=${MODEL}`)).body).toMatchObject({ state: "gets_work", lately: { chosen: 1, failed: 0, asked: 1 } });
    expect((await why(id, "?model=another")).body).toMatchObject({ state: "no_work", reason: "no_models" });
    provider.kill();
  });

  it.each([
    ["serves its owner only", { privateOnly: true }, "private_only", /X-Umbel-Route/],
    ["offers a build that the catalogue does not have", { models: [testModel({ id: "unheard-of" })] }, "not_in_catalog", /catalogue/],
    ["has other weights", { models: [testModel({ weight_hash: "00".repeat(32) })] }, "not_in_catalog", /exactly its files/],
  ])("is told when it %s, with what to do", async (_what, options, reason, advice) => {
    const provider = await machine(options);
    const { id, routing } = await latest();
    expect(routing).toMatchObject({ state: "no_work", reason, advice: expect.stringMatching(advice) });
    expect((await why(id)).body).toMatchObject({
      state: "no_work",
      reason,
      words: expect.arrayContaining([expect.stringContaining(reason)]),
    });
    provider.kill();
  });

  it("is told when it is not connected", async () => {
    const provider = await machine();
    const { id } = await latest();
    provider.kill();
    for (;;) {
      const { body } = await why(id);
      if ((body as Body)["state"] === "no_work") {
        expect(body).toMatchObject({ reason: "offline", advice: expect.stringContaining("umbel provider start"), builds: [] });
        break;
      }
    }
  });

  it("is told to its owner, signed in or on the machine itself, and to nobody else", async () => {
    const provider = await machine();
    const { id } = await latest();
    expect((await why(id, "", token)).status).toBe(200);
    // On the machine itself nobody knows what it is called in public.
    expect((await why(provider.machineId, "", token)).body).toMatchObject({ id });
    const bob = await test.session("bob");
    expect((await why(id, "", bob)).status).toBe(404);
    expect((await listed(bob)).data).toEqual([]);
    expect((await why(id, "", await test.key({ accountId: "alice" }))).status).toBe(403);
    expect((await test.get("/v1/me/providers")).status).toBe(401);
    const text = JSON.stringify([await listed(), (await why(id)).body]);
    expect(text).not.toContain(provider.sessionId);
    expect(text).not.toContain(provider.machineId);
  });

  it("ends when its owner takes it off the account, at once if no other machine has its token; what is held against it stays", async () => {
    const own = { authToken: await test.providerToken("alice") };
    const provider = await machine(own);
    const { id } = await latest();
    const remove = async (as: string) => {
      const headers = { authorization: `Bearer ${as}` };
      const response = await fetch(`${test.url}/v1/me/providers/${id}`, { method: "DELETE", headers });
      return { status: response.status, body: await response.json() };
    };
    const twin = await machine(own);
    expect(await remove(alice)).toMatchObject({ status: 409, body: { error: { code: "conflict" } } });
    expect(await remove(await test.session("bob"))).toMatchObject({ status: 404 });
    expect(await remove(token)).toMatchObject({ status: 403 });
    twin.kill();
    await expect.poll(() => remove(alice), { timeout: 10_000 }).toEqual({ status: 200, body: { id, status: "unlinked" } });
    expect(await provider.receive("register_rejected")).toMatchObject({ code: "auth_token_invalid" });
    expect(await provider.closed).toEqual({ code: 1008, reason: "auth_token_invalid" });
    expect(await remove(alice)).toMatchObject({ status: 404 });
    expect((await listed()).data.map((row) => row["id"])).not.toContain(id);
    expect((await why(id)).status).toBe(404);
  });

  it("has advice for every reason", () => {
    for (const reason of REFUSAL_REASONS) expect(ADVICE[reason].length).toBeGreaterThan(10);
  });
});
