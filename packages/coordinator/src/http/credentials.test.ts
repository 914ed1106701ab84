import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PUBLISHING_SCOPES, PublishingScope } from "../accounts/index.js";
import { buildOf } from "../catalog/testing.js";
import { MODEL, startTestCoordinator, type TestCoordinator } from "../testing.js";

const ADMIN_KEY = "an-admin-key-that-is-long-enough";
type Scopes = readonly (typeof PUBLISHING_SCOPES)[number][];

describe("a credential reaches only what is its own", () => {
  let test: TestCoordinator;
  beforeAll(async () => {
    test = await startTestCoordinator({ adminKey: ADMIN_KEY, financialRate_perSecond: "0" });
  });
  afterAll(() => test.close());

  async function admin(method: string, pathname: string, body?: object) {
    return send(method, `/v1/admin/${pathname}`, { authorization: `Bearer ${ADMIN_KEY}` }, body);
  }
  async function send(method: string, pathname: string, headers: Record<string, string>, body?: object) {
    const withBody = body !== undefined && method !== "GET";
    const response = await fetch(`${test.url}${pathname}`, {
      method,
      headers: { ...headers, ...(withBody ? { "content-type": "application/json" } : {}) },
      body: withBody ? JSON.stringify(body) : null,
    });
    const text = await response.text();
    return { status: response.status, body: text.startsWith("{") ? (JSON.parse(text) as Record<string, unknown>) : {} };
  }
  async function publishingKey(scopes: Scopes, more: object = {}) {
    const { body } = await admin("POST", "publishing-keys", { name: "pipeline", scopes, ...more });
    return { secret: String(body["key"]), id: String((body["data"] as Record<string, unknown>)["id"]) };
  }

  it.each([
    ["POST", "/v1/admin/models/a/b/promote", "promote"],
    ["POST", "/v1/admin/models/register", "register"],
    ["POST", "/v1/admin/models/aliases", "alias"],
    ["POST", "/v1/admin/models/x/price", "promote"],
    ["DELETE", "/v1/admin/models/x/versions/1", "register"],
    ["POST", "/v1/releases", "release"],
  ] as const)("and a publishing key %s %s with the scope %s only", async (method, path, needed) => {
    const others = (["register", "promote", "alias", "release"] as const).filter((scope) => scope !== needed);
    const ask = async (scopes: readonly PublishingScope[]) =>
      send(method, path, { "x-umbel-publishing-key": (await publishingKey(scopes)).secret }, {});
    expect(await ask(others)).toMatchObject({ status: 403, body: { error: { message: expect.stringContaining(needed) } } });
    expect((await ask([needed])).status).not.toBe(403);
  });

  it("whatever it is worth elsewhere: an inference key asks models, and opens nothing as a publishing key", async () => {
    const key = await test.key();
    const body = { model: MODEL, messages: [] };
    expect((await send("POST", "/v1/chat/completions", { "x-umbel-publishing-key": key }, body)).status).toBe(401);
    expect((await send("GET", "/v1/admin/models", { "x-umbel-publishing-key": key })).status).toBe(401);
    const { secret } = await publishingKey(["register"]);
    expect((await send("POST", "/v1/messages", { "x-api-key": secret }, body)).status).toBe(403);
  });

  it("until it is revoked or has expired, and the audit says which key did what", async () => {
    const { secret, id } = await publishingKey(["alias"]);
    const alias = { alias_id: "shoot", desired_build: "test-build" };
    const put = (key: string) => send("POST", "/v1/admin/models/aliases", { authorization: `Bearer ${key}` }, alias);
    expect((await put(secret)).status).toBe(200);
    expect((await admin("DELETE", `publishing-keys/${id}`)).body).toEqual({ status: "revoked", id });
    expect((await admin("DELETE", `publishing-keys/${id}`)).status).toBe(404);
    expect(await put(secret)).toMatchObject({ status: 401, body: { error: { code: "authentication_error" } } });

    const rows = (await admin("GET", "audit?limit=3")).body["data"];
    expect(rows).toMatchObject([
      { actor: "admin-key", action: "publishing_key.revoke", target: id },
      { actor: `publishing-key:${id}`, target: "shoot" },
      { actor: "admin-key", action: "publishing_key.create", target: id, after: { name: "pipeline", scopes: ["alias"] } },
    ]);
    const listed = (await admin("GET", "publishing-keys")).body;
    expect(listed["data"]).toContainEqual(expect.objectContaining({ id, created_by: "admin-key", revoked_at: expect.any(String) }));
    expect(JSON.stringify([listed, rows, test.log])).not.toContain(secret.slice(12, 60));
  });

  it("and drafts cannot be put into service by who may only register them", async () => {
    const { secret } = await publishingKey(["register"]);
    const { manifest } = buildOf("org/draft");
    const said = { architecture: "llama", quantization: "Q8_0", max_context_length: 2_048, max_output_length: 1_024 };
    const body = { manifest, ...said, input_price: 1, output_price: 1, promote: true };
    const refused = await send("POST", "/v1/admin/models/register", { authorization: `Bearer ${secret}` }, body);
    expect(refused).toMatchObject({ status: 403, body: { error: { message: expect.stringContaining("promote") } } });
  });

  it.each([
    [{ name: "" }, "name"],
    [{ expires_at: "2020-01-01T00:00:00Z" }, "expires_at"],
    [{ scopes: [] }, "scopes"],
    [{ scopes: ["money"] }, "scopes.0"],
  ])("and is not made of %j", async (change, param) => {
    const made = await admin("POST", "publishing-keys", { name: "x", scopes: ["alias"], ...change });
    expect(made).toMatchObject({ status: 400, body: { error: { param } } });
  });
});
