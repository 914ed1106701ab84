import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ACCOUNT_LIMITS } from "../../accounts/index.js";
import { MODEL, startTestCoordinator, type TestCoordinator } from "../../testing.js";
import { CONTROL_BODY_bytes_max } from "../control-body.js";

const ASK = { model: MODEL, messages: [{ role: "user" as const, content: "hello" }] };
const AT_ONCE = 200;

interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: {
    readonly key?: string;
    readonly data?: unknown;
    readonly error?: { readonly code: string; readonly message: string; readonly param: string | null };
  } & Record<string, unknown>;
}

describe("the keys of an account", () => {
  let test: TestCoordinator;
  let alice: string;
  let bob: string;

  beforeAll(async () => {
    test = await startTestCoordinator({ financialRate_perSecond: "0" });
    await Promise.all(["alice", "bob"].map((accountId) => test.key({ accountId })));
    [alice, bob] = await Promise.all([test.session("alice"), test.session("bob")]);
    await test.provider({ serve: (request) => request.answer("hi") });
  });
  afterAll(() => test.close());

  async function call(method: string, path: string, body?: unknown, token: string | undefined = alice): Promise<Reply> {
    const response = await fetch(`${test.url}${path}`, {
      method,
      headers: { ...(token === "" ? {} : { authorization: `Bearer ${token}` }), "content-type": "application/json" },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    return { status: response.status, headers: response.headers, body: (await response.json()) as Reply["body"] };
  }

  async function newKey(
    fields: object = {},
  ): Promise<{ readonly id: string; readonly secret: string; readonly data: Record<string, unknown> }> {
    const { body } = await call("POST", "/v1/keys", fields);
    const data = Object(body.data) as Record<string, unknown>;
    return { id: String(data["id"]), secret: body.key ?? "", data };
  }

  const worksWith = async (secret: string): Promise<boolean> => {
    const openai = new OpenAI({ baseURL: `${test.url}/v1`, apiKey: secret, maxRetries: 0 });
    return openai.chat.completions.create(ASK).then(
      () => true,
      (error: { readonly status?: number }) => {
        if (error.status === 401) return false;
        throw error;
      },
    );
  };

  const unlimited = {
    name: "",
    disabled: false,
    limit_usd: null,
    limit_reset: "none",
    usage_usd: 0,
    rpm_limit: null,
    itpm_limit: null,
    otpm_limit: null,
    allowed_models: [],
    self_route_only: false,
    expires_at: null,
    last_used_at: null,
  };
  const policy = {
    name: "build server",
    limit_usd: 2.5,
    limit_reset: "daily",
    rpm_limit: 10,
    itpm_limit: 1_000,
    otpm_limit: 2_000,
    allowed_models: [MODEL],
    self_route_only: true,
    expires_at: "2099-01-01T00:00:00.000Z",
  };

  it("are made with an empty body, or with every limit, and their secret is shown this once", async () => {
    const made = await call("POST", "/v1/keys");
    expect(made.status).toBe(200);
    expect(made.body.key).toMatch(/^sk-um-[0-9a-f]{64}$/);
    expect(made.body.data).toMatchObject(unlimited);
    expect(await worksWith(made.body.key ?? "")).toBe(true);
    const { id, data } = await newKey(policy);
    expect(data).toMatchObject({ ...policy, remaining_usd: 2.5, id: expect.stringMatching(/^key_[0-9a-f]{24}$/) });
    const read = await call("GET", `/v1/keys/${id}`);
    expect(read.body).toEqual(data);
    expect(JSON.stringify(read.body)).not.toContain(made.body.key);
  });

  it("are listed newest first, each account's own", async () => {
    const [first, second] = [await newKey({ name: "first" }), await newKey({ name: "second" })];
    const { body } = await call("GET", "/v1/keys");
    const ids = (body.data as { readonly id: string }[]).map(({ id }) => id);
    expect(ids.indexOf(second.id)).toBeLessThan(ids.indexOf(first.id));
    const others = await call("GET", "/v1/keys", undefined, bob);
    expect(JSON.stringify(others.body)).not.toContain(first.id);
  });

  it("change in what is named: absent stays, null takes away", async () => {
    const { id, secret } = await newKey(policy);
    const renamed = await call("PATCH", `/v1/keys/${id}`, { name: " other " });
    expect(renamed.body).toMatchObject({ ...policy, name: "other" });
    const cleared = { limit_usd: null, rpm_limit: null, itpm_limit: null, otpm_limit: null, allowed_models: null, expires_at: null };
    const freed = await call("PATCH", `/v1/keys/${id}`, { ...cleared, self_route_only: false, limit_reset: "none" });
    expect(freed.body).toMatchObject({ ...unlimited, name: "other" });
    expect((await call("PATCH", `/v1/keys/${id}`, {})).body).toEqual(freed.body);
    expect(await worksWith(secret)).toBe(true);
    expect((await call("PATCH", `/v1/keys/${id}`, { disabled: true })).body).toMatchObject({ disabled: true });
    expect(await worksWith(secret)).toBe(false);
    await call("PATCH", `/v1/keys/${id}`, { disabled: false });
    expect(await worksWith(secret)).toBe(true);
  });

  it("get a new secret under the same id, and the old one is dead", async () => {
    const { id, secret } = await newKey({ name: "rotated", limit_usd: 1 });
    expect(await worksWith(secret)).toBe(true);
    const spent = (await call("GET", `/v1/keys/${id}`)).body["usage_usd"];
    const rotated = await call("POST", `/v1/keys/${id}/rotate`);
    expect(rotated.body.data).toMatchObject({ id, name: "rotated", limit_usd: 1, usage_usd: spent });
    expect(await worksWith(secret)).toBe(false);
    expect(await worksWith(rotated.body.key ?? "")).toBe(true);
  });

  it("are revoked at once, and for good", async () => {
    const { id, secret } = await newKey();
    expect(await worksWith(secret)).toBe(true);
    expect((await call("DELETE", `/v1/keys/${id}`)).body).toEqual({ status: "revoked" });
    expect(await worksWith(secret)).toBe(false);
    for (const [method, path] of [
      ["GET", ""],
      ["PATCH", ""],
      ["DELETE", ""],
      ["POST", "/rotate"],
    ] as const) {
      const { status, body } = await call(method, `/v1/keys/${id}${path}`, method === "PATCH" ? {} : undefined);
      expect([status, body.error?.code]).toEqual([404, "not_found"]);
    }
  });

  it(`let nobody in once a change is answered, with ${AT_ONCE} requests under way`, async () => {
    const { id, secret } = await newKey({ rpm_limit: 1_000_000 });
    const before = Array.from({ length: AT_ONCE }, () => call("GET", "/v1/key", undefined, secret));
    const rotated = await call("POST", `/v1/keys/${id}/rotate`);
    const after = await Promise.all(Array.from({ length: AT_ONCE }, () => call("GET", "/v1/key", undefined, secret)));
    expect(after.every(({ status }) => status === 401)).toBe(true);
    expect((await Promise.all(before)).every(({ status }) => status === 200 || status === 401)).toBe(true);
    const fresh = rotated.body.key ?? "";
    expect((await call("GET", "/v1/key", undefined, fresh)).status).toBe(200);
    await call("DELETE", `/v1/keys/${id}`);
    const gone = await Promise.all(Array.from({ length: AT_ONCE }, () => call("GET", "/v1/key", undefined, fresh)));
    expect(gone.every(({ status }) => status === 401)).toBe(true);
  });

  it("have one living secret however many rotate them at once", async () => {
    const { id } = await newKey();
    const replies = await Promise.all(Array.from({ length: 20 }, () => call("POST", `/v1/keys/${id}/rotate`)));
    const statuses = await Promise.all(replies.map(({ body }) => call("GET", "/v1/key", undefined, body.key)));
    expect(statuses.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  it("cannot be spent past their cap, which a new secret does not raise", async () => {
    const { id, secret } = await newKey({ limit_usd: 0 });
    const openai = new OpenAI({ baseURL: `${test.url}/v1`, apiKey: secret, maxRetries: 0 });
    await expect(openai.chat.completions.create(ASK)).rejects.toMatchObject({ status: 402, code: "insufficient_quota" });
    const rotated = await call("POST", `/v1/keys/${id}/rotate`);
    const again = new OpenAI({ baseURL: `${test.url}/v1`, apiKey: rotated.body.key ?? "", maxRetries: 0 });
    await expect(again.chat.completions.create(ASK)).rejects.toMatchObject({ status: 402 });
  });

  it.each<[string, string, string, unknown]>([
    ["GET", "/v1/keys/ID", "reading", undefined],
    ["PATCH", "/v1/keys/ID", "changing", { name: "mine" }],
    ["POST", "/v1/keys/ID/rotate", "rotating", undefined],
    ["DELETE", "/v1/keys/ID", "revoking", undefined],
  ])("of another account are not there: %s %s", async (method, path, _name, body) => {
    const { id, secret } = await newKey();
    for (const wrong of [id, "key_000000000000000000000000", "nonsense", "key_%00"]) {
      const { status, body: answer } = await call(method, path.replace("ID", encodeURIComponent(wrong)), body, bob);
      expect([status, answer.error?.code]).toEqual([404, "not_found"]);
    }
    expect(await worksWith(secret)).toBe(true);
  });

  it.each<[string, string, unknown]>([
    ["GET", "/v1/keys", undefined],
    ["POST", "/v1/keys", {}],
    ["GET", "/v1/keys/key_000000000000000000000000", undefined],
    ["PATCH", "/v1/keys/key_000000000000000000000000", {}],
    ["POST", "/v1/keys/key_000000000000000000000000/rotate", undefined],
    ["DELETE", "/v1/keys/key_000000000000000000000000", undefined],
    ["POST", "/v1/auth/keys", undefined],
    ["DELETE", "/v1/auth/keys", { key: "x" }],
  ])("are for somebody who has signed in: %s %s", async (method, path, body) => {
    const { secret } = await newKey();
    const [none, apiKey, machine, forged] = await Promise.all(
      ["", secret, await test.providerToken("alice"), `${alice.slice(0, -4)}AAAA`].map((token) => call(method, path, body, token)),
    );
    expect([none?.status, apiKey?.status, machine?.status, forged?.status]).toEqual([401, 403, 403, 401]);
    expect(apiKey?.body.error?.code).toBe("forbidden");
  });

  it.each<[unknown, string | null]>([
    [{ name: 5 }, "name"],
    [{ name: "x".repeat(ACCOUNT_LIMITS.name_characters_max + 1) }, "name"],
    [{ limit_usd: -1 }, "limit_usd"],
    [{ limit_usd: 1_000_001 }, "limit_usd"],
    [{ limit_usd: "five" }, "limit_usd"],
    [{ limit_reset: "hourly" }, "limit_reset"],
    [{ limit_reset: null }, "limit_reset"],
    [{ rpm_limit: 0 }, "rpm_limit"],
    [{ rpm_limit: 1.5 }, "rpm_limit"],
    [{ itpm_limit: ACCOUNT_LIMITS.perMinute_max + 1 }, "itpm_limit"],
    [{ otpm_limit: -1 }, "otpm_limit"],
    [{ allowed_models: [5] }, "allowed_models.0"],
    [{ allowed_models: [""] }, "allowed_models"],
    [{ allowed_models: Array.from({ length: ACCOUNT_LIMITS.allowedModels_max + 1 }, (_, index) => `m${index}`) }, "allowed_models"],
    [{ self_route_only: "yes" }, "self_route_only"],
    [{ expires_at: "tomorrow" }, "expires_at"],
    [{ expires_at: "2020-01-01T00:00:00Z" }, "expires_at"],
    [{ limits_usd: 5 }, "limits_usd"],
    ["{", null],
    ["[]", null],
  ])("are refused by the field that does not fit: %j", async (body, param) => {
    const { id } = await newKey();
    for (const [method, path] of [
      ["POST", "/v1/keys"],
      ["PATCH", `/v1/keys/${id}`],
    ] as const) {
      const reply = await call(method, path, body);
      expect(reply.status).toBe(400);
      expect(reply.body.error).toMatchObject({ param, message: expect.stringContaining(param ?? "") });
    }
    expect((await call("GET", `/v1/keys/${id}`)).body).toMatchObject(unlimited);
  });

  it("have a limit to what is read of a request", async () => {
    const padded = (length: number) => JSON.stringify({ name: "x" }).padEnd(length);
    expect((await call("POST", "/v1/keys", padded(CONTROL_BODY_bytes_max))).status).toBe(200);
    expect((await call("POST", "/v1/keys", padded(CONTROL_BODY_bytes_max + 1))).status).toBe(413);
  });

  it("of an expired one can be changed without touching its end", async () => {
    const soon = new Date(Date.now() + 200).toISOString();
    const { id } = await newKey({ expires_at: soon });
    while (Date.now() <= Date.parse(soon)) await new Promise(setImmediate);
    expect((await call("PATCH", `/v1/keys/${id}`, { name: "late" })).body).toMatchObject({ name: "late", expires_at: soon });
  });

  it("know an older client's way", async () => {
    const made = await call("POST", "/v1/auth/keys");
    expect(made.body).toEqual({ api_key: expect.stringMatching(/^sk-um-/), account_id: "alice" });
    const secret = String(made.body["api_key"]);
    expect((await call("DELETE", "/v1/auth/keys", { key: secret }, bob)).status).toBe(403);
    expect((await call("DELETE", "/v1/auth/keys", { key: secret })).body).toEqual({ status: "revoked" });
    expect((await call("DELETE", "/v1/auth/keys", { key: secret })).status).toBe(404);
    expect((await call("DELETE", "/v1/auth/keys", {})).body.error).toMatchObject({ code: "bad_request", param: "key" });
  });

  it("show the calling one to itself", async () => {
    const { id, secret, data } = await newKey({ name: "me", rpm_limit: 60 });
    expect((await call("GET", "/v1/key", undefined, secret)).body).toMatchObject({ ...data, last_used_at: null });
    expect((await call("GET", "/v1/key", undefined, alice)).status).toBe(404);
    expect(id).toMatch(/^key_/);
  });
});

describe("changes to keys", () => {
  it("are few at a time", async () => {
    const test = await startTestCoordinator({ financialRate_perSecond: "0.001", financialBurst: "2" });
    await test.key();
    const token = await test.session("alice");
    const make = () => fetch(`${test.url}/v1/keys`, { method: "POST", headers: { authorization: `Bearer ${token}` } });
    const statuses = [await make(), await make(), await make()].map(({ status }) => status);
    expect(statuses).toEqual([200, 200, 429]);
    expect((await test.get("/v1/keys", token)).status).toBe(200);
    await test.close();
  });
});
