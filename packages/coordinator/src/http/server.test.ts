import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MODEL, startTestCoordinator, type TestCoordinator } from "../testing.js";
import { truncatedAddress } from "./access-log.js";
import { SURFACES } from "./inference-routes.js";

const ORIGIN = "https://console.example";
const ERROR = {
  message: expect.any(String),
  type: expect.any(String),
  code: expect.any(String),
  param: null,
  request_id: expect.any(String),
};

describe("the HTTP edge", () => {
  let test: TestCoordinator;
  let apiKey: string;
  let consoleDirectory: string;

  beforeAll(async () => {
    consoleDirectory = mkdtempSync(path.join(tmpdir(), "umbel-console-"));
    mkdirSync(path.join(consoleDirectory, "assets"));
    writeFileSync(path.join(consoleDirectory, "index.html"), "<title>console</title>");
    writeFileSync(path.join(consoleDirectory, "assets", "index-abc.js"), "export {};");
    test = await startTestCoordinator(
      {
        corsOrigins: ORIGIN,
        bodyIdleTimeout_ms: "200ms",
        headerTimeout_ms: "200ms",
        metricsListen: "127.0.0.1:0",
        publicRate_perSecond: "0.001",
        publicBurst: "3",
      },
      { consoleDirectory, bundledModels: [path.resolve(import.meta.dirname, "../../../../models/sprout")] },
    );
    apiKey = await test.key();
  });
  afterAll(async () => {
    await test.close();
    rmSync(consoleDirectory, { recursive: true });
  });

  /** Sends bytes as they are and returns everything that comes back until the connection ends. */
  async function raw(bytes: string): Promise<string> {
    const socket = connect(test.running.port, "127.0.0.1");
    const received: Buffer[] = [];
    socket.on("data", (data) => received.push(data));
    socket.on("error", () => socket.destroy());
    socket.write(bytes);
    await once(socket, "close");
    return Buffer.concat(received).toString();
  }

  describe("answers every failure in OpenAI's shape", () => {
    it.each([
      ["GET", "/v1/nothing"],
      ["POST", "/v1/nothing/at/all"],
      ["GET", "/elsewhere"],
      ["GET", "/v1/models/absent"],
    ])("404 for %s %s", async (method, pathname) => {
      const response = await fetch(`${test.url}${pathname}`, { method, headers: { authorization: `Bearer ${apiKey}` } });
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({ error: { ...ERROR, param: pathname === "/v1/models/absent" ? "model" : null } });
    });

    it.each([
      ["GET", "/v1/chat/completions", "POST, OPTIONS"],
      ["DELETE", "/v1/models", "GET, HEAD, OPTIONS"],
      ["POST", "/health", "GET, HEAD, OPTIONS"],
    ])("405 with Allow for %s %s", async (method, pathname, allow) => {
      const response = await fetch(`${test.url}${pathname}`, { method });
      expect(response.status).toBe(405);
      expect(response.headers.get("allow")).toBe(allow);
      expect(await response.json()).toEqual({ error: { ...ERROR, code: "method_not_allowed" } });
    });

    it("400 for a path that is not valid", async () => {
      expect((await test.get("/v1/models/%zz", apiKey)).body).toEqual({ error: { ...ERROR, code: "invalid_request_error" } });
    });

    it.each([
      ["400 for bytes that are not HTTP", "hello there\r\n\r\n", 400, "invalid_request_error"],
      [
        "431 for headers that are too large",
        `GET / HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(70_000)}\r\n\r\n`,
        431,
        "header_fields_too_large",
      ],
      ["408 for headers that come too slowly", "GET / HTTP/1.1\r\nHost: x\r\n", 408, "request_timeout"],
    ])("%s", async (_what, bytes, status, code) => {
      const answer = await raw(bytes);
      expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
      expect(JSON.parse(answer.split("\r\n\r\n")[1] ?? "")).toEqual({ error: { ...ERROR, code } });
    });

    it.each(SURFACES.map(({ path: surface }) => surface))("400 for a deadline on %s that is none", async (surface) => {
      const response = await fetch(`${test.url}${surface}`, {
        method: "POST",
        headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json", "x-umbel-deadline-ms": "soon" },
        body: JSON.stringify({ model: MODEL }),
      });
      expect(response.status).toBe(400);
      const body = (await response.json()) as { readonly error: { readonly message: string } };
      expect(body.error.message).toContain("X-Umbel-Deadline-Ms must be a whole number of milliseconds");
    });

    it("408 for a body that stops coming", async () => {
      const answer = await raw(
        `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${apiKey}\r\nContent-Length: 100\r\n\r\n{"model"`,
      );
      expect(answer).toMatch(/^HTTP\/1\.1 408 /);
      expect(answer).toContain('"code":"request_timeout"');
    });

    it.each([
      ["no credentials", {}, "missing credentials — use Authorization: Bearer <token>"],
      ["another scheme", { authorization: "Basic eDp5" }, "missing credentials — use Authorization: Bearer <token>"],
      ["a key that nobody has", { authorization: "bearer sk-um-0" }, "invalid API key"],
    ])("401 for %s", async (_what, headers, message) => {
      const response = await fetch(`${test.url}/v1/key`, { headers });
      expect(response.status).toBe(401);
      expect(await response.json()).toEqual({ error: { ...ERROR, message, code: "authentication_error" } });
    });

    it("404 for an upgrade to anything but the provider socket", async () => {
      const upgrade =
        "Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==";
      expect(await raw(`GET /ws/other HTTP/1.1\r\n${upgrade}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 404 /);
    });
  });

  it("takes the caller's request id if it is fit to be written, else gives one", async () => {
    const idFor = async (id: string): Promise<string | null> =>
      (await fetch(`${test.url}/health`, { headers: { "x-request-id": id } })).headers.get("x-request-id");
    expect(await idFor("trace:1.2-3_4")).toBe("trace:1.2-3_4");
    expect(await idFor("not fit")).toMatch(/^[0-9a-v]{12}$/);
    expect(await idFor("x".repeat(129))).toMatch(/^[0-9a-v]{12}$/);
  });

  describe("lets browsers", () => {
    const preflight = (pathname: string, method: string, origin: string): Promise<Response> =>
      fetch(`${test.url}${pathname}`, { method: "OPTIONS", headers: { origin, "access-control-request-method": method } });

    it("call the API from the listed origins, and tells them which headers they may read", async () => {
      const response = await preflight("/v1/chat/completions", "POST", ORIGIN);
      expect(response.status).toBe(204);
      expect(Object.fromEntries(response.headers)).toMatchObject({
        "access-control-allow-origin": ORIGIN,
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": expect.stringContaining("PATCH"),
        "access-control-max-age": "600",
        vary: expect.stringContaining("Origin"),
      });
      const answer = await test.post("{}", { apiKey, headers: { origin: ORIGIN } });
      expect(answer.headers.get("access-control-expose-headers")).toContain("X-Inference-Job-ID");
      expect(answer.headers.get("access-control-allow-origin")).toBe(ORIGIN);
    });

    it("not from others", async () => {
      const response = await preflight("/v1/chat/completions", "POST", "https://evil.example");
      expect(response.status).toBe(204);
      expect(response.headers.get("access-control-allow-origin")).toBeNull();
    });

    it("read prices from anywhere, without credentials", async () => {
      const response = await preflight("/v1/pricing", "GET", "https://anyone.example");
      expect(response.headers.get("access-control-allow-origin")).toBe("*");
      expect(response.headers.get("access-control-allow-credentials")).toBeNull();
    });
  });

  describe("reads", () => {
    it("models: aliases with what is known of them, builds only by their own name", async () => {
      const provider = await test.provider();
      const { body } = await test.get("/v1/models", apiKey);
      const list = body as { object: string; data: { id: string }[] };
      expect(list.object).toBe("list");
      expect(list.data.map((model) => model.id).sort()).toEqual(["sprout", "test-embedding-model", MODEL]);
      expect(list.data.find((model) => model.id === MODEL)).toMatchObject({
        object: "model",
        owned_by: "umbel",
        context_length: 8_192,
        pricing: { prompt: "0.00000001", completion: "0.00000002" },
        supported_features: ["json_mode", "tools"],
        metadata: { provider_count: 1, routable_providers: 1, can_accept: true, active_requests: 0 },
      });
      expect((await test.get("/v1/models?include_builds=1", apiKey)).body).toMatchObject({ data: { length: 6 } });
      for (const careless of ["/v1/models/", "//v1//models"])
        expect((await test.get(careless, apiKey)).body).toMatchObject({ object: "list" });
      expect((await test.get("/v1/models/test-build", apiKey)).body).toMatchObject({ id: "test-build", quantization: "int8" });
      expect((await test.get("/v1/models/org/absent", apiKey)).body).toMatchObject({ error: { code: "model_not_found", param: "model" } });
      const message = expect.stringContaining(`Did you mean "${MODEL}"?`);
      expect((await test.get(`/v1/models/${MODEL}s`, apiKey)).body).toMatchObject({ error: { code: "model_not_found", message } });
      await provider.close();
    });

    it("the calling key, with what it has spent", async () => {
      const capped = await test.key({ name: "capped", limit_microUsd: 5_000_000n, allowedModels: [MODEL] });
      expect(await test.get("/v1/key", capped)).toMatchObject({
        status: 200,
        body: { name: "capped", limit_usd: 5, usage_usd: 0, remaining_usd: 5, allowed_models: [MODEL], expires_at: null },
      });
      const { body } = await test.get("/v1/key", apiKey);
      expect(body).toMatchObject({ limit_usd: null });
      expect(body).not.toHaveProperty("remaining_usd");
    });

    it("the balance", async () => {
      expect((await test.get("/v1/payments/balance", apiKey)).body).toEqual({
        balance_micro_usd: 1_000_000,
        balance_usd: "1.000000",
        held_micro_usd: 0,
        held_usd: "0.000000",
        withdrawable_micro_usd: 0,
        withdrawable_usd: "0.000000",
      });
      expect((await test.get("/v1/billing/wallet/balance", apiKey)).body).toEqual({ credit_balance_micro_usd: 1_000_000 });
    });

    it("prices without a key, as often as an address may", async () => {
      expect(await test.get("/v1/pricing")).toMatchObject({
        status: 200,
        body: {
          prices: expect.arrayContaining([
            { model: "test-build", input_price: 10_000, output_price: 20_000, input_usd: "$0.0100", output_usd: "$0.0200" },
          ]),
          fallback_input_price: 50_000,
          fallback_output_usd: "$0.2000",
        },
      });
      for (let request = 0; request < 2; request += 1) await test.get("/v1/pricing");
      const refused = await test.get("/v1/pricing");
      expect(refused).toMatchObject({ status: 429, body: { error: { code: "rate_limit_exceeded" } } });
      expect(Number(refused.headers.get("retry-after"))).toBe(60);
    });

    it("health and readiness", async () => {
      expect(await test.get("/health")).toMatchObject({ status: 200, body: { status: "ok", draining: false, version: "0.1.0" } });
      expect(await test.get("/readyz")).toMatchObject({
        status: 200,
        body: { ready: true, draining: false, inflight: 0, checks: { database: true } },
      });
      expect((await fetch(`${test.url}/health`, { method: "HEAD" })).status).toBe(200);
    });
  });

  describe("serves the console", () => {
    it("at the root, never cached, and its hashed assets for ever, with a policy that lets in nothing foreign", async () => {
      const page = await fetch(`${test.url}/`);
      expect(await page.text()).toContain("<title>console</title>");
      expect(page.headers.get("cache-control")).toBe("no-cache");
      expect(page.headers.get("content-security-policy")).toContain("default-src 'self'");
      const script = await fetch(`${test.url}/assets/index-abc.js`);
      expect(script.headers.get("content-type")).toContain("javascript");
      expect(script.headers.get("cache-control")).toContain("immutable");
    });

    it("at the address that machines show, with the same policy, and without a word of the code in the log", async () => {
      const page = await fetch(`${test.url}/link?user_code=SECR-ETCD`);
      expect(await page.text()).toContain("<title>console</title>");
      expect(page.headers.get("cache-control")).toBe("no-cache");
      expect(page.headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
      expect(test.log.join()).not.toContain("SECR");
    });

    it("and no file beside it", async () => {
      expect(await raw("GET /../package.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).toMatch(/^HTTP\/1\.1 40[0-9] /);
      expect((await fetch(`${test.url}/assets/`)).status).toBe(404);
    });
  });

  it("shows operators metrics by route pattern, and why a request went where it went, on another address", async () => {
    await test.provider({ serve: (request) => request.answer("ok") });
    const answer = await test.post(JSON.stringify({ model: MODEL, messages: [{ role: "user", content: "hi" }] }), { apiKey });
    const job = answer.headers.get("x-inference-job-id");
    const operator = `http://127.0.0.1:${test.running.operatorPort}`;
    const metrics = await (await fetch(`${operator}/metrics`)).text();
    expect(metrics).toContain(`umbel_request_outcome_total{model="${MODEL}",class="success"} 1`);
    expect(metrics).toMatch(/umbel_request_outcome_total\{model="other",class="client_error"\} [1-9]/);
    expect(metrics).toMatch(/umbel_request_outcome_total\{model="other",class="timeout"\} 1/);
    expect(metrics).toMatch(/umbel_http_requests_total\{method="GET",path="\/v1\/models\/\*",status="404"\} [1-9]/);
    expect(metrics).toContain("umbel_providers_connected 1");
    const decisions = await (await fetch(`${operator}/decisions/${job}`)).json();
    expect(decisions).toMatchObject([{ attempt: 0, provider: expect.stringMatching(/^mach_/), words: expect.any(Array) }]);
    expect((await fetch(`${operator}/elsewhere`)).status).toBe(404);
    expect((await fetch(`${test.url}/metrics`)).status).toBe(404);
  });
});

describe("truncatedAddress", () => {
  it.each([
    ["203.0.113.7", "203.0.113.0/24"],
    ["::ffff:203.0.113.7", "203.0.113.0/24"],
    ["2001:db8:1:2::3", "2001:db8:1::/48"],
  ])("keeps of %s only %s", (address, network) => {
    expect(truncatedAddress(address)).toBe(network);
  });
});
