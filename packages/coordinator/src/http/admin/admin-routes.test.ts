import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { startTestCoordinator, type TestCoordinator } from "../../testing.js";

const ADMIN_KEY = "an-admin-key-that-is-long-enough";

describe("the routes of the operator", () => {
  let test: TestCoordinator;
  beforeAll(async () => {
    test = await startTestCoordinator({ adminKey: ADMIN_KEY, adminAccounts: "root", publicRate_perSecond: "0.001", publicBurst: "20" });
    await Promise.all(["root", "alice"].map((accountId) => test.key({ accountId })));
    await test.provider({ serve: (request) => request.answer("hi") });
  });
  afterAll(() => test.close());

  const ask = (token?: string) => test.get("/v1/admin/utilization", token);

  it("open to the operator's key, and to whoever has signed in to an operator's account", async () => {
    expect((await ask(ADMIN_KEY)).status).toBe(200);
    expect((await ask(await test.session("root"))).status).toBe(200);
  });

  it.each([
    ["nobody", async () => undefined, 401, "authentication_error"],
    ["another key of the same length", async () => ADMIN_KEY.replace("an", "no"), 403, "forbidden"],
    ["an API key of an operator's account", () => test.key({ accountId: "root" }), 403, "forbidden"],
    ["somebody signed in to another account", () => test.session("alice"), 403, "forbidden"],
    ["a session that is none", async () => "eyJhbGciOiJFUzI1NiJ9.e30.AAAA", 401, "authentication_error"],
  ])("closed to %s", async (_who, token, status, code) => {
    const answer = await ask(await token());
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({ error: { code } });
  });

  it("tell how much of the capacity is used", async () => {
    const { body } = await ask(ADMIN_KEY);
    expect(body).toMatchObject({
      utilization: 0,
      bottleneck_model: null,
      spill_rate: 0,
      demand_concurrency: 0,
      models: expect.arrayContaining([expect.objectContaining({ warm_providers: 1 })]),
    });
  });

  it("tell what it runs with and whence, but no secret", async () => {
    const { status, body } = await test.get("/v1/admin/settings", ADMIN_KEY);
    expect(status).toBe(200);
    const { data } = body as { data: { name: string; value: string | null; source: string }[] };
    expect(data).toContainEqual(expect.objectContaining({ name: "UMBEL_PUBLIC_RATE_LIMIT_BURST", value: "20", source: "command_line" }));
    expect(data).toContainEqual(expect.objectContaining({ name: "UMBEL_ADMIN_KEY", value: null, source: "command_line" }));
    expect(data.filter(({ source }) => source === "default").length).toBeGreaterThan(50);
    expect(JSON.stringify(body)).not.toContain(ADMIN_KEY);
  });

  it("say which version of the provider is the oldest that gets requests, and whom another would leave out", async () => {
    const put = async (min_version: string | null) => {
      const headers = { authorization: `Bearer ${ADMIN_KEY}`, "content-type": "application/json" };
      const body = JSON.stringify({ min_version });
      return (await fetch(`${test.url}/v1/admin/providers/floor`, { method: "PUT", headers, body })).json();
    };
    const apiKey = await test.key({ accountId: "alice" });
    const routable = async () => {
      const { body } = await test.get("/v1/models?include_builds=1", apiKey);
      return (body as { data: { metadata: { routable_providers: number } }[] }).data.some(
        ({ metadata }) => metadata.routable_providers > 0,
      );
    };
    const counted = { connected: 1, versions: { "1.0.0": 1 }, runtime_check: "off", unknown_programs: 1 };
    const stated = { min_version: "", from: "setting", set_by: null, set_at: null };
    const { body } = await test.get("/v1/admin/providers/floor?min_version=1.0.1", ADMIN_KEY);
    expect(body).toEqual({ ...stated, ...counted, excluded: 1 });
    expect((await test.get("/v1/admin/providers/floor?min_version=new", ADMIN_KEY)).status).toBe(400);
    expect(await routable()).toBe(true);
    expect(await put("1.0.1")).toMatchObject({ min_version: "1.0.1", from: "operator", set_by: "admin-key", excluded: 1 });
    await vi.waitFor(async () => expect(await routable()).toBe(false), { timeout: 5_000 });
    expect(await put(null)).toEqual({ ...stated, ...counted, excluded: 0 });
    await vi.waitFor(async () => expect(await routable()).toBe(true), { timeout: 5_000 });
  });

  it("do not let anybody guess on", async () => {
    let status = 403;
    for (let guess = 0; guess < 30 && status === 403; guess += 1) ({ status } = await ask(`guess-${guess}`));
    expect(status).toBe(429);
  });
});

describe("an operator who has set no key", () => {
  it("finds one in the home, for its owner alone", async () => {
    const test = await startTestCoordinator();
    const file = path.join(test.home, "admin-key");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect((await test.get("/v1/admin/utilization", readFileSync(file, "utf8").trim())).status).toBe(200);
    await test.close();
  });
});
