import { generateDeviceKey } from "@umbel/protocol";
import OpenAI, { APIError } from "openai";
import { afterEach, describe, expect, it } from "vitest";
import { loadSettings } from "./config/index.js";
import { startCoordinator } from "./main.js";
import { MODEL, startTestCoordinator, type TestCoordinator } from "./testing.js";

const ASK = { model: MODEL, messages: [{ role: "user" as const, content: "hello there" }] };
const MINIMUM_microUsd = 100;

describe("a coordinator, through the official client", () => {
  let test: TestCoordinator;
  afterEach(() => test.close());

  async function failure(call: Promise<unknown>): Promise<APIError> {
    const outcome = await call.catch((error: unknown) => error);
    if (outcome instanceof APIError) return outcome;
    throw new Error("the call succeeded");
  }

  it("answers whole, and the charge is on the account when the answer is", async () => {
    test = await startTestCoordinator();
    const apiKey = await test.key();
    const openai = await test.client(apiKey);
    const provider = await test.provider({ serve: (request) => request.answer("Hello from the test provider.") });
    const { data, response } = await openai.chat.completions.create(ASK).withResponse();
    expect(data).toMatchObject({
      object: "chat.completion",
      model: MODEL,
      choices: [{ message: { role: "assistant", content: "Hello from the test provider." }, finish_reason: "stop" }],
      usage: { prompt_tokens: 5, completion_tokens: 5, total_tokens: 10 },
    });
    const { body } = await test.get("/v1/payments/balance", apiKey);
    expect(body).toMatchObject({ balance_micro_usd: 1_000_000 - MINIMUM_microUsd, held_micro_usd: 0, balance_usd: "0.999900" });
    expect(data.id).toBe(`chatcmpl-${response.headers.get("x-inference-job-id")}`);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "x-provider-encrypted": "true",
      "x-provider-trust-level": "self_signed",
      "x-provider-chip": "test",
      "x-provider-model": "linux-x64",
      "x-request-id": expect.stringMatching(/^[0-9a-v]{12}$/),
      "x-ratelimit-limit-requests": "1200",
    });
    expect(response.headers.get("x-provider-id")).not.toContain(provider.machineId);
    expect(JSON.parse(response.headers.get("x-timing") ?? "")).toMatchObject({
      parse_us: expect.any(Number),
      provider_us: expect.any(Number),
    });
  });

  it("streams, and the charge is on the account when the stream has ended", async () => {
    test = await startTestCoordinator();
    const apiKey = await test.key();
    const openai = await test.client(apiKey);
    await test.provider({ serve: (request) => request.answer("one two three") });
    const stream = await openai.chat.completions.create({ ...ASK, stream: true, stream_options: { include_usage: true } });
    let text = "";
    let last: OpenAI.ChatCompletionChunk | undefined;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? "";
      expect(chunk.model).toBe(MODEL);
      last = chunk;
    }
    expect(text).toBe("one two three");
    expect(last).toMatchObject({ choices: [], usage: { completion_tokens: 3 } });
    expect((await test.get("/v1/payments/balance", apiKey)).body).toMatchObject({ balance_micro_usd: 1_000_000 - MINIMUM_microUsd });
  });

  it("serves many streams at once", async () => {
    test = await startTestCoordinator();
    const openai = await test.client();
    await test.provider({ serve: (request) => request.answer("a few words") });
    const texts = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const stream = await openai.chat.completions.create({ ...ASK, stream: true });
        let text = "";
        for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
        return text;
      }),
    );
    expect(texts).toEqual(Array.from({ length: 8 }, () => "a few words"));
  });

  it("fails over without the consumer noticing", async () => {
    test = await startTestCoordinator();
    const openai = await test.client();
    const dying = await test.provider();
    const asked = openai.chat.completions.create(ASK);
    await dying.request();
    await test.provider({ serve: (request) => request.answer("still here") });
    dying.kill();
    expect((await asked).choices[0]?.message.content).toBe("still here");
  });

  it("tells in the stream that a provider died in mid-answer, and charges what was delivered", async () => {
    test = await startTestCoordinator();
    const apiKey = await test.key();
    const openai = await test.client(apiKey);
    const provider = await test.provider();
    const asked = openai.chat.completions.create({ ...ASK, stream: true });
    const request = await provider.request();
    request.accept();
    await request.chunk([{ type: "text", text: "half", tokens: 1 }]);
    const pieces: string[] = [];
    const reading = (async () => {
      for await (const chunk of await asked) {
        pieces.push(chunk.choices[0]?.delta.content ?? "");
        if (pieces.includes("half")) provider.kill();
      }
    })();
    await expect(reading).rejects.toThrow(/provider ended without completion/);
    expect(await test.settledBalance(apiKey)).toBe(1_000_000 - MINIMUM_microUsd);
  });

  it.each([
    ["streaming", true],
    ["not streaming", false],
  ] as const)("stops the provider when the consumer leaves (%s)", async (_mode, stream) => {
    test = await startTestCoordinator();
    const apiKey = await test.key();
    const openai = await test.client(apiKey);
    const provider = await test.provider();
    const leaving = new AbortController();
    const asked = openai.chat.completions.create({ ...ASK, stream }, { signal: leaving.signal }).catch(() => undefined);
    const request = await provider.request();
    request.accept();
    await request.chunk([{ type: "text", text: "unwanted", tokens: 1 }]);
    if (stream) await asked;
    leaving.abort();
    await provider.receive("cancel");
    await request.chunk([], "final");
    await request.finish();
    expect(await test.settledBalance(apiKey)).toBeLessThanOrEqual(1_000_000);
    await asked;
  });

  describe("refuses", () => {
    it("without a provider: 503 with Retry-After", async () => {
      test = await startTestCoordinator();
      const error = await failure((await test.client()).chat.completions.create(ASK));
      expect(error).toMatchObject({ status: 503, code: "model_unavailable" });
      expect(error.headers?.get("retry-after")).toBe("2");
    });

    it("an unknown key with 401, one without funds with 402, an unknown model with 404", async () => {
      test = await startTestCoordinator();
      await test.provider();
      const stranger = await test.client(`sk-um-${"0".repeat(64)}`);
      expect(await failure(stranger.chat.completions.create(ASK))).toMatchObject({ status: 401, code: "authentication_error" });
      const poor = await test.client(await test.key({ accountId: "poor", credit_microUsd: 0n }));
      expect(await failure(poor.chat.completions.create(ASK))).toMatchObject({
        status: 402,
        type: "insufficient_funds",
        code: "insufficient_quota",
      });
      const capped = await test.client(await test.key({ limit_microUsd: 1n }));
      expect(await failure(capped.chat.completions.create(ASK))).toMatchObject({ status: 402, type: "insufficient_quota" });
      const openai = await test.client();
      expect(await failure(openai.chat.completions.create({ ...ASK, model: "gpt-4" }))).toMatchObject({
        status: 404,
        code: "model_not_found",
        param: "model",
      });
    });

    it("a body above the limit with 413, announced or not, without reading it to the end", async () => {
      test = await startTestCoordinator({ bodyLimit_bytes: "64KiB" });
      const apiKey = await test.key();
      const body = JSON.stringify({ ...ASK, padding: "x".repeat(65_536) });
      for (const sent of [body, new Blob([body]).stream()]) {
        const response = await test.post(sent, { apiKey });
        expect(response.status).toBe(413);
        expect(await response.json()).toMatchObject({
          error: {
            type: "invalid_request_error",
            code: "payload_too_large",
            param: null,
            message: "request body exceeds the 65536-byte limit",
          },
        });
      }
    });

    it("broken JSON with 400, a form with 415, a compressed body with 415", async () => {
      test = await startTestCoordinator();
      expect((await test.post('{"model": "x", ')).status).toBe(400);
      expect((await test.post(new FormData(), { headers: { "content-type": "multipart/form-data; boundary=x" } })).status).toBe(415);
      expect((await test.post("{}", { headers: { "content-encoding": "gzip" } })).status).toBe(415);
    });

    it("more requests than the account may make with 429, and says when to come back", async () => {
      test = await startTestCoordinator({ requestRate_perSecond: "0.1", requestBurst: "1" });
      const openai = await test.client();
      await failure(openai.chat.completions.create(ASK));
      const error = await failure(openai.chat.completions.create(ASK));
      expect(error).toMatchObject({ status: 429, code: "rate_limit_exceeded" });
      expect(Number(error.headers?.get("retry-after"))).toBeGreaterThan(0);
      expect(error.headers?.get("x-ratelimit-remaining-requests")).toBe("0");
    });
  });

  describe("while a stream waits for its first content", () => {
    it("keeps the connection alive after a full interval, and tells a failure in band", async () => {
      test = await startTestCoordinator({ keepaliveInterval_ms: "30ms" });
      const provider = await test.provider();
      const response = await test.post(JSON.stringify({ ...ASK, stream: true }));
      expect(response.status).toBe(200);
      const request = await provider.request();
      request.fail("client_request");
      const text = await response.text();
      expect(text).toMatch(/^(: keepalive\n\n)+data: \{"error":/);
      expect(text).toMatch(/data: \[DONE\]\n\n$/);
    });
  });

  it("cuts off a consumer that does not read, and stops the provider", async () => {
    test = await startTestCoordinator({ writeStallTimeout_ms: "100ms" });
    const apiKey = await test.key();
    const provider = await test.provider();
    const response = test.post(JSON.stringify({ ...ASK, stream: true }), { apiKey });
    const request = await provider.request();
    request.accept();
    await request.chunk([{ type: "text", text: "start", tokens: 1 }]);
    await response;
    for (let chunk = 0; chunk < 40 && !request.cancelled.aborted; chunk += 1) {
      await request.chunk([{ type: "text", text: "x".repeat(512 * 1024), tokens: 1 }]);
    }
    await provider.receive("cancel");
    await request.finish();
    await test.settledBalance(apiKey);
  });

  it("finishes what runs when it closes, and takes nothing new", async () => {
    test = await startTestCoordinator();
    const apiKey = await test.key();
    const openai = await test.client(apiKey);
    const provider = await test.provider();
    const asked = openai.chat.completions.create(ASK);
    const request = await provider.request();
    const closing = test.running.close();
    await provider.receive("going_away");
    const refused = await failure(openai.chat.completions.create(ASK));
    expect(refused).toMatchObject({ status: 429 });
    expect(refused.headers?.get("retry-after")).toBe("3");
    expect(await test.get("/readyz")).toMatchObject({ status: 503, body: { ready: false, draining: true, inflight: 1 } });
    await request.answer("finished");
    expect((await asked).choices[0]?.message.content).toBe("finished");
    await closing;
    await test.running.closed;
    expect((await provider.closed).code).toBe(1001);
  });

  it("does not start on a port that is in use, and stops what it had begun", async () => {
    test = await startTestCoordinator();
    const overrides = { port: String(test.running.port), databaseUrl: test.databaseUrl, home: test.home, logLevel: "silent" };
    await expect(startCoordinator(loadSettings({ env: {}, overrides }))).rejects.toMatchObject({ code: "EADDRINUSE" });
    expect(await test.get("/readyz")).toMatchObject({ status: 200 });
  });

  it("knows its machines by the same pseudonyms after a restart", async () => {
    test = await startTestCoordinator();
    const apiKey = await test.key();
    const device = await generateDeviceKey();
    const served = async (url: string): Promise<string | null> => {
      const provider = await test.provider({
        url: `${url.replace("http", "ws")}/ws/provider`,
        device,
        serve: (request) => request.answer("ok"),
      });
      const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });
      const { response } = await openai.chat.completions.create(ASK).withResponse();
      provider.kill();
      return response.headers.get("x-provider-id");
    };
    const before = await served(test.url);
    await test.running.close();
    const overrides = { port: "0", databaseUrl: test.databaseUrl, home: test.home, logLevel: "silent" };
    const again = await startCoordinator(loadSettings({ env: {}, overrides }));
    expect(await served(again.url)).toBe(before);
    await again.close();
  });

  it("remembers over a restart what a machine has failed, and asks it last", async () => {
    test = await startTestCoordinator();
    const apiKey = await test.key();
    const device = await generateDeviceKey();
    const failing = await test.provider({ device, serve: (request) => request.fail("template_render") });
    const openai = await test.client(apiKey);
    for (let request = 0; request < 2; request += 1) await failure(openai.chat.completions.create(ASK));
    failing.kill();
    await test.running.close();
    const overrides = { port: "0", databaseUrl: test.databaseUrl, home: test.home, logLevel: "silent" };
    const again = await startCoordinator(loadSettings({ env: {}, overrides }));
    const url = `${again.url.replace("http", "ws")}/ws/provider`;
    let asked = 0;
    await test.provider({
      url,
      device,
      serve: (request) => {
        asked += 1;
        return request.fail("template_render");
      },
    });
    await test.provider({ url, serve: (request) => request.answer("ok") });
    const client = new OpenAI({ baseURL: `${again.url}/v1`, apiKey, maxRetries: 0 });
    for (let request = 0; request < 12; request += 1) await client.chat.completions.create(ASK);
    expect(asked).toBe(0);
    await again.close();
  });

  it("writes nothing of prompts, answers or keys into its log", async () => {
    test = await startTestCoordinator({ logLevel: "trace" });
    const apiKey = await test.key();
    const openai = await test.client(apiKey);
    await test.provider({ serve: (request) => request.answer("secret-answer") });
    await openai.chat.completions.create({ ...ASK, messages: [{ role: "user", content: "secret-prompt" }] });
    await failure(openai.chat.completions.create({ ...ASK, temperature: 9, messages: [{ role: "user", content: "secret-prompt" }] }));
    const log = test.log.join("");
    expect(log).toContain('"path":"/v1/chat/completions"');
    expect(log).not.toMatch(/secret-|sk-um/);
  });
});
