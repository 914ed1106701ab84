import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
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
