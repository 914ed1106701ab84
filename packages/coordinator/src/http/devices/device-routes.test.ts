import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestCoordinator, type TestCoordinator } from "../../testing.js";

describe("the routes that link machines", () => {
  let test: TestCoordinator;
  let alice: string;
  beforeAll(async () => {
    test = await startTestCoordinator({ financialRate_perSecond: "0", publicUrl: "https://umbel.example", providerTokenTtl_days: "30" });
    alice = await test.session("alice");
  });
  afterAll(() => test.close());

  async function call(method: string, path: string, body?: object, token?: string) {
    const response = await fetch(`${test.url}${path}`, {
      method,
      headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), host: "evil.example" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const reply = (await response.json()) as Record<string, unknown> & { readonly error?: { readonly code: string } };
    return { status: response.status, reply, code: reply.error?.code };
  }

  it("link a machine that somebody who has signed in approves, and unlink it", async () => {
    const { reply: asked } = await call("POST", "/v1/device/code", { client_name: "desk", platform: "linux-x64" });
    const { device_code, user_code } = asked;
    expect(asked).toMatchObject({ verification_uri: "https://umbel.example/link", expires_in: 900, interval: 5 });
    const shown = await call("GET", `/v1/device/pending?user_code=${String(user_code)}`, undefined, alice);
    expect(shown.reply).toMatchObject({
      client_name: "desk",
      platform: "linux-x64",
      scopes: [{ id: "machines:serve" }, { id: "machines:read" }],
    });
    expect((await call("POST", "/v1/device/approve", { user_code }, alice)).reply).toMatchObject({ status: "approved" });
    const { reply } = await call("POST", "/v1/device/token", { device_code });
    expect(reply).toMatchObject({ status: "authorized", account_id: "alice" });
    const token = String(reply["token"]);
    expect((await call("POST", "/v1/device/token", { device_code })).code).toBe("expired_token");
    for (const path of ["/v1/models", "/v1/keys"])
      expect(await call("GET", path, undefined, token)).toMatchObject({ status: 403, code: "forbidden" });
    expect(await call("DELETE", "/v1/device/token", undefined, token)).toMatchObject({ status: 200, reply: { status: "revoked" } });
    expect((await call("DELETE", "/v1/device/token", undefined, token)).status).toBe(401);
  });

  it("list an account's tokens, and revoke one by its id, which ends its connections at once", async () => {
    const carol = await test.session("carol");
    const [first, second] = [await test.providerToken("carol"), await test.providerToken("carol")];
    const [mine, other] = [await test.provider({ authToken: first }), await test.provider({ authToken: second })];
    const { reply } = await call("GET", "/v1/me/provider-tokens", undefined, carol);
    const tokens = reply["data"] as readonly { readonly id: string; readonly label: string }[];
    expect(tokens).toHaveLength(2);
    expect(JSON.stringify(reply)).not.toContain(first.slice(12));
    const path = `/v1/me/provider-tokens/${tokens.at(-1)?.id}`;
    expect(await call("DELETE", path, undefined, alice)).toMatchObject({ status: 404 });
    expect(await call("DELETE", path, undefined, first)).toMatchObject({ status: 403 });
    expect(await call("DELETE", path, undefined, carol)).toMatchObject({ status: 200, reply: { status: "revoked" } });
    expect(await mine.receive("register_rejected")).toMatchObject({ code: "auth_token_invalid" });
    expect(await mine.closed).toEqual({ code: 1008, reason: "auth_token_invalid" });
    expect(await call("DELETE", path, undefined, carol)).toMatchObject({ status: 404 });
    expect((await call("GET", "/v1/me/provider-tokens", undefined, carol)).reply["data"]).toHaveLength(1);
    expect(other.socket.readyState).toBe(other.socket.OPEN);
  });

  it("tell a machine to wait, to slow down, and that it was refused", async () => {
    const { reply } = await call("POST", "/v1/device/code");
    const poll = () => call("POST", "/v1/device/token", { device_code: reply["device_code"] });
    expect((await poll()).reply).toEqual({ status: "authorization_pending" });
    expect(await poll()).toMatchObject({ status: 400, code: "slow_down" });
    const refused = (await call("POST", "/v1/device/code")).reply;
    await call("POST", "/v1/device/deny", { user_code: refused["user_code"] }, alice);
    expect(await call("POST", "/v1/device/token", { device_code: refused["device_code"] })).toMatchObject({
      status: 403,
      code: "access_denied",
    });
    expect(await call("POST", "/v1/device/approve", { user_code: refused["user_code"] }, alice)).toMatchObject({ code: "already_used" });
  });

  it("say until when a link is good, and hand its token out again to whoever has asked for it", async () => {
    const nonce = "kept by the machine";
    const client_nonce_hash = createHash("sha256").update(nonce).digest("hex");
    const { reply } = await call("POST", "/v1/device/code", { client_nonce_hash });
    await call("POST", "/v1/device/approve", { user_code: reply["user_code"] }, alice);
    const poll = (client_nonce?: string) => call("POST", "/v1/device/token", { device_code: reply["device_code"], client_nonce });
    expect(await poll()).toMatchObject({ status: 410, code: "expired_token" });
    const first = await poll(nonce);
    const expires_at = String(first.reply["expires_at"]);
    expect(Date.parse(expires_at) - Date.now()).toBeCloseTo(30 * 24 * 3_600_000, -5);
    expect((await poll(nonce)).reply).toEqual(first.reply);
    const token = String(first.reply["token"]);
    expect((await call("GET", "/v1/device/token", undefined, token)).reply).toMatchObject({ label: "unnamed machine", expires_at });
    expect(await call("GET", "/v1/device/token", undefined, alice)).toMatchObject({ status: 404 });
    expect(await call("POST", "/v1/device/code", { client_nonce_hash: "short" })).toMatchObject({ status: 400 });
  });

  it("take no key for an owner", async () => {
    expect(await call("POST", "/v1/device/approve", { user_code: "AAAA-AAAA" }, await test.key())).toMatchObject({ status: 403 });
    expect(await call("POST", "/v1/device/approve", { user_code: "AAAA-AAAA" })).toMatchObject({ status: 401 });
  });

  it("let nobody guess codes, or ask for them without end", async () => {
    const mallory = await test.session("mallory");
    const guesses: unknown[] = [];
    for (let count = 0; count < 12; count++)
      guesses.push((await call("POST", "/v1/device/approve", { user_code: "AAAA-AAAA" }, mallory)).code);
    expect(guesses.filter((code) => code === "invalid_code").length).toBeLessThanOrEqual(10);
    expect(guesses.at(-1)).toBe("rate_limit_exceeded");
    const asked: number[] = [];
    for (let count = 0; count < 11; count++) asked.push((await call("POST", "/v1/device/code")).status);
    expect(asked.at(-1)).toBe(429);
  });
});
