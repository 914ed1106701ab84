import { mkdtemp, rm } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { type DiscoveryRecord, type endpointOptions, LOCAL_LIMITS, readDiscoveryRecord, writeDiscoveryRecord } from "../local/index.js";
import { scriptedModel, workerEntry } from "../worker/testing/index.js";
import { createProviderAgent } from "./provider-agent.js";
import type { ProviderAgent } from "./provider-state.js";

const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const tokenized = z.object({ tokens: z.array(z.number()), count: z.number(), max_model_len: z.number() });
const refused = z.object({ error: z.object({ code: z.string().nullable() }) });
const chat = { model: scriptedModel.id, messages: [{ role: "user", content: "bring this back" }] };

let home: string;
beforeAll(async () => {
  home = await mkdtemp(path.join(tmpdir(), "umbel-local-"));
});
afterAll(() => rm(home, { recursive: true }));

function make(script: object, { home: own = home, ...local }: { home?: string } & z.input<typeof endpointOptions> = {}): ProviderAgent {
  return createProviderAgent(
    {
      ...{ home: own, models: [{ info: scriptedModel, sequences: 2 }], engine: { kind: "scripted", script: { ...script } } },
      local: { port: 0, ...local },
    },
    { logger: quiet, workerEntry },
  );
}

async function started(provider: ProviderAgent, own = home): Promise<DiscoveryRecord> {
  await provider.start();
  const record = await readDiscoveryRecord(own);
  if (record === undefined) throw new Error("it is not found");
  return record;
}

describe("a local provider", () => {
  let provider: ProviderAgent;
  let record: DiscoveryRecord;
  beforeAll(async () => {
    provider = make({ answer: { kind: "echo" }, tokens_per_s: 20 }, { origins: ["http://localhost:3000"] });
    record = await started(provider);
  });
  afterAll(() => provider.stop(0));

  const post = (pathname: string, body: unknown, headers: Record<string, string> = {}) =>
    fetch(`${record.base_url}${pathname}`, {
      method: "POST",
      headers: { authorization: `Bearer ${record.api_key}`, ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });

  it("answers whole and as a stream, with the request's id", async () => {
    const whole = await post("/chat/completions", chat);
    expect(whole.headers.get("x-request-id")).toMatch(/^[0-9a-f]{16}$/);
    expect(await whole.json()).toMatchObject({ model: scriptedModel.id, choices: [{ message: { content: "bring this back" } }] });
    const stream = await post("/chat/completions", { ...chat, stream: true });
    expect(stream.headers.get("content-type")).toBe("text/event-stream");
    expect(await stream.text()).toMatch(/data: \[DONE\]\n\n$/);
  });

  it("cuts texts into tokens and puts them together, in the words of llama.cpp and of vLLM", async () => {
    const text = "the word <|im_end|> ends";
    const cut = tokenized.parse(await (await post("/tokenize", { content: text })).json());
    expect(cut).toMatchObject({ count: cut.tokens.length, max_model_len: scriptedModel.context_length });
    const literal = tokenized.parse(
      await (await post("/tokenize", { model: scriptedModel.id, prompt: text, parse_special: false })).json(),
    );
    expect(literal.count).toBeGreaterThan(cut.count);
    for (const { tokens } of [cut, literal]) {
      expect(await (await post("/detokenize", { tokens })).json()).toEqual({ content: text, prompt: text });
    }
    const prompt = await (await post("/apply-template", chat)).json();
    expect(prompt).toEqual({ prompt: expect.stringMatching(/<\|im_start\|>user\nbring this back/) });
  });

  it("says what is wrong with a text or its tokens", async () => {
    const refusal = async (pathname: string, body: object) => {
      const response = await post(pathname, body);
      return [response.status, refused.parse(await response.json()).error.code];
    };
    expect(await refusal("/tokenize", {})).toEqual([400, "invalid_request_error"]);
    expect(await refusal("/tokenize", { content: "x", model: "oak" })).toEqual([404, "model_not_found"]);
    expect(await refusal("/tokenize", { content: "x".repeat(LOCAL_LIMITS.text_bytes_max + 1) })).toEqual([413, "payload_too_large"]);
    expect(await refusal("/detokenize", { tokens: [1_000_000] })).toEqual([400, "invalid_request_error"]);
    expect(await refusal("/detokenize", { tokens: new Array(LOCAL_LIMITS.tokens_max + 1).fill(1) })).toEqual([
      400,
      "invalid_request_error",
    ]);
  });

  it("can be looked at without the key, and no more", async () => {
    const { base_url } = record;
    expect(await (await fetch(`${base_url}/health`)).json()).toMatchObject({ status: "ok", server: "umbel" });
    const refused = await fetch(`${base_url}/models`);
    expect(refused.status).toBe(401);
    expect(refused.headers.get("www-authenticate")).toBe("Bearer");
  });

  it("refuses what is no request, in the words of the route", async () => {
    expect(await (await post("/chat/completions", "{")).json()).toMatchObject({ error: { type: "invalid_request_error" } });
    expect(await (await post("/messages", {})).json()).toMatchObject({ type: "error", error: { type: "invalid_request_error" } });
    expect((await post("/chat/completions", chat, { "content-encoding": "gzip" })).status).toBe(415);
    expect((await post("/nothing", chat)).status).toBe(404);
    const vectors = await post("/embeddings", { model: scriptedModel.id, input: "x" });
    expect(await vectors.json()).toMatchObject({ error: { param: "model", message: expect.stringContaining("no embeddings") } });
  });

  it(`says that a body may have ${LOCAL_LIMITS.body_bytes_max} bytes, if one has more`, async () => {
    const over = await post("/chat/completions", " ".repeat(LOCAL_LIMITS.body_bytes_max + 1));
    expect(over.status).toBe(413);
    expect(await over.json()).toMatchObject({
      error: { code: "payload_too_large", message: `request body exceeds the ${LOCAL_LIMITS.body_bytes_max}-byte limit` },
    });
  });

  it("lets pages of an allowed origin ask, and no others", async () => {
    const preflight = (origin: string) =>
      fetch(`${record.base_url}/chat/completions`, {
        method: "OPTIONS",
        headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type" },
      });
    const allowed = await preflight("http://localhost:3000");
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get("access-control-allow-origin")).toBe("http://localhost:3000");
    expect((await preflight("https://evil.example")).status).toBe(403);
  });

  it("stops working for a client that has left", async () => {
    const long = { ...chat, messages: [{ role: "user", content: "word ".repeat(2_000) }], stream: true };
    const streams = await Promise.all([leaveAfterFirstByte(record, long), leaveAfterFirstByte(record, long)]);
    expect(streams).toHaveLength(2);
    // Both places are free again long before a minute of words is through.
    const after = await post("/chat/completions", chat);
    expect(after.status).toBe(200);
  });

  it("tells what it does and what a model is, to holders of the key", async () => {
    const origin = record.base_url.replace(/\/v1$/, "");
    const get = (pathname: string) => fetch(`${origin}${pathname}`, { headers: { authorization: `Bearer ${record.api_key}` } });
    const metrics = await get("/metrics");
    expect(metrics.headers.get("content-type")).toBe("text/plain; version=0.0.4");
    expect(await metrics.text()).toMatch(/^umbel_provider_local_requests_running 0$/m);
    const props = await (await get(`/props?model=${scriptedModel.id}`)).json();
    expect(props).toMatchObject({ model_alias: scriptedModel.id, default_generation_settings: { n_ctx: scriptedModel.context_length } });
    expect((await get("/props?model=oak")).status).toBe(404);
    expect((await fetch(`${origin}/metrics`)).status).toBe(401);
  });

  it("takes nothing while it is paused, lets what runs end, and goes on", async () => {
    const stream = await post("/chat/completions", { ...chat, stream: true });
    await provider.pause(Number.POSITIVE_INFINITY);
    expect(provider.state()).toMatchObject({ phase: "resting", stance: { reasons: ["paused"] }, inFlight: 1 });
    const refused = await post("/chat/completions", chat);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, String(LOCAL_LIMITS.retry_s)]);
    expect(await refused.text()).toContain("umbel provider resume");
    expect(await stream.text()).toMatch(/data: \[DONE\]\n\n$/);
    await provider.resume();
    expect((await post("/chat/completions", chat)).status).toBe(200);
    expect(provider.state()).toMatchObject({ phase: "serving", coordinatorUrl: undefined, endpoint: record.base_url });
  });

  it("is found while it runs; a second one of the same home is refused", async () => {
    expect(await readDiscoveryRecord(home)).toEqual(record);
    await expect(make({}).start()).rejects.toMatchObject({ code: "already_started", message: expect.stringContaining(record.base_url) });
    expect(await readDiscoveryRecord(home)).toEqual(record);
  });
});

describe("a local provider that cannot run", () => {
  it("says that the port is taken, and leaves no record", async () => {
    const own = path.join(home, "taken");
    const holder = make({}, { home: own });
    const { port } = await started(holder, own);
    const other = path.join(home, "other");
    await expect(make({}, { home: other, port }).start()).rejects.toMatchObject({ code: "local_address" });
    expect(await readDiscoveryRecord(other)).toBeUndefined();
    await holder.stop(0);
    expect(await readDiscoveryRecord(own)).toBeUndefined();
  });

  it("asks for a key wherever others can reach it", () => {
    expect(() => make({}, { requiresKey: false, host: "0.0.0.0" })).toThrow("without a key");
    expect(() => make({}, { requiresKey: false, host: "127.0.0.1" })).not.toThrow();
  });

  it("takes the place of one that died without tidying up", async () => {
    const own = path.join(home, "died");
    const first = make({}, { home: own, requiresKey: false });
    const record = await started(first, own);
    expect(record.api_key).toBeNull();
    expect((await fetch(`${record.base_url}/models`)).status).toBe(200);
    await first.stop(0);
    await writeDiscoveryRecord(own, { ...record, pid: 2 ** 30 });
    const next = make({}, { home: own });
    await next.start();
    await next.stop(0);
  });
});

function leaveAfterFirstByte({ base_url, api_key }: DiscoveryRecord, body: unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    const asking = request(`${base_url}/chat/completions`, { method: "POST", headers: { authorization: `Bearer ${api_key}` } });
    asking.on("error", reject);
    asking.on("response", (response: IncomingMessage) =>
      response.once("data", () => {
        asking.off("error", reject);
        asking.on("error", () => undefined);
        asking.destroy();
        resolve();
      }),
    );
    asking.end(JSON.stringify(body));
  });
}
