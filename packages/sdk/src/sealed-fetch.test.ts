import Anthropic from "@anthropic-ai/sdk";
import { anthropicMessages, type ChatEvent, openaiChat } from "@umbel/dialects";
import { type DeviceKeyPair, deviceThumbprint, generateDeviceKey, SEALED_LIMITS, signClaims, usageReceipt } from "@umbel/protocol";
import { nativeCrypto } from "@umbel/protocol/native";
import OpenAI from "openai";
import { beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { createUmbelFetch, SealedError, type UmbelFetchOptions } from "./index.js";
import { type PlainAnswer, SealingCoordinator } from "./testing/sealing-coordinator.js";

const CANARY = "canary under seal";
const ANSWER = `the answer, with a ${CANARY} 🌱`;
const NOW = new Date("2026-01-01T12:00:00Z");
const requestId = "6f1c8a52-9f5e-4c0e-8a57-1d2f3b4c5d6e";
const messages = [{ role: "user" as const, content: CANARY }];
const usage = { promptTokens: 9, completionTokens: 3, reasoningTokens: 0, cachedPromptTokens: 0 };
const answerEvents: ChatEvent[] = [
  { type: "started", promptTokens: 9, cachedPromptTokens: 0 },
  { type: "text", text: ANSWER, tokens: 3 },
  { type: "finish", reason: "stop", usage },
];

let device: DeviceKeyPair;
let receipt: string;
beforeAll(async () => {
  device = await generateDeviceKey();
  const claims = usageReceipt.parse({
    request_id: requestId,
    build_id: "sprout-3m-q8_0",
    weight_hash: "a".repeat(64),
    usage: { prompt_tokens: 9, completion_tokens: 3, reasoning_tokens: 0, cached_prompt_tokens: 0 },
    finish_reason: "stop",
    chunks: 2,
    request_digest: "b".repeat(64),
    response_digest: "c".repeat(64),
    started_at: "2026-01-01T00:00:00Z",
    finished_at: "2026-01-01T00:00:01Z",
  });
  receipt = await signClaims(device, "receipt", claims);
});

/** Answers as the real coordinator renders. */
function answer(body: unknown): PlainAnswer {
  const dialect = JSON.stringify(body).includes("max_tokens") ? anthropicMessages : openaiChat;
  return rendered(dialect as typeof openaiChat, body);
}

function rendered(dialect: typeof openaiChat, body: unknown): PlainAnswer {
  const { stream, options } = dialect.parse(body);
  const context = { id: requestId, created_s: 1, model: "sprout", options, receipt: () => receipt };
  if (stream) {
    const renderer = dialect.streamRenderer(context);
    return { events: [...answerEvents.map((event) => renderer.event(event)), renderer.end()] };
  }
  const renderer = dialect.finalRenderer(context);
  for (const event of answerEvents) renderer.event(event);
  return { json: renderer.result() };
}

let coordinator: SealingCoordinator;
let now: Date;
beforeEach(() => {
  coordinator = new SealingCoordinator(answer);
  now = NOW;
});

function sealedFetch(options: Partial<UmbelFetchOptions> = {}): typeof globalThis.fetch {
  return createUmbelFetch({ mode: "sealed", fetch: coordinator.fetch, now: () => now, ...options });
}
function openai(options: Partial<UmbelFetchOptions> = {}): OpenAI {
  return new OpenAI({ apiKey: "sk-um-x", baseURL: "http://umbel.example/v1", fetch: sealedFetch(options), maxRetries: 0 });
}
function anthropic(): Anthropic {
  return new Anthropic({ apiKey: "sk-um-x", baseURL: "http://umbel.example", fetch: sealedFetch(), maxRetries: 0 });
}
async function whole(client: OpenAI): Promise<string> {
  const completion = await client.chat.completions.create({ model: "sprout", messages });
  return completion.choices[0]?.message.content ?? "";
}
async function streamed(client: OpenAI): Promise<string> {
  let text = "";
  const stream = await client.chat.completions.create({ model: "sprout", messages, stream: true });
  for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
  return text;
}
const asks = [
  ["whole", whole],
  ["streamed", streamed],
] as const;

describe("sealed mode under the official clients", () => {
  it.each(asks)("of OpenAI, %s: the wire holds nothing of question or answer", async (_, ask) => {
    expect(await ask(openai())).toBe(ANSWER);
    expect(coordinator.requests).toMatchObject([{ path: "/v1/chat/completions", body: { model: "sprout", messages } }]);
    expect(coordinator.wire.seen.length).toBeGreaterThan(400);
    for (const plain of [CANARY, "sprout", "choices", "messages"]) expect(coordinator.wire.seen).not.toContain(plain);
  });

  it("of Anthropic, whole and streamed", async () => {
    const asked = { model: "sprout", max_tokens: 64, messages };
    const message = await anthropic().messages.create(asked);
    expect(message.content).toMatchObject([{ type: "text", text: ANSWER }]);
    const stream = anthropic().messages.stream(asked);
    expect(await stream.finalText()).toBe(ANSWER);
    expect(coordinator.requests.map(({ path }) => path)).toEqual(["/v1/messages", "/v1/messages"]);
    expect(coordinator.wire.seen).not.toContain(CANARY);
  });

  it.each(asks)("of OpenAI, %s, with the coordinator's own cryptography", async (_, ask) => {
    coordinator.suites = ["x25519-sha256-chacha20poly1305"];
    expect(await ask(openai({ supplier: nativeCrypto }))).toBe(ANSWER);
  });

  it.each(asks)("still verifies receipts, %s", async (_, ask) => {
    const receipts = vi.fn();
    const trusting = { trustedDevices: [device.publicJwk], receipts: "required" as const, onReceipt: receipts };
    expect(await ask(openai(trusting))).toBe(ANSWER);
    expect(receipts).toHaveBeenCalledTimes(1);
    const stranger = await generateDeviceKey();
    await expect(ask(openai({ ...trusting, trustedDevices: [stranger.publicJwk] }))).rejects.toMatchObject({ code: "untrusted_device" });
  });

  it("opens errors, which keep their status", async () => {
    coordinator = new SealingCoordinator(() => ({
      status: 404,
      json: { error: { message: CANARY, type: "model_not_found", code: "model_not_found", param: "model" } },
    }));
    await expect(whole(openai())).rejects.toMatchObject({ status: 404, code: "model_not_found", param: "model" });
    expect(coordinator.wire.seen).not.toContain(CANARY);
  });

  it("passes errors that the coordinator tells before it has opened anything", async () => {
    coordinator.wire.response = () => Response.json({ error: { message: "slow down", code: "rate_limit_exceeded" } }, { status: 429 });
    await expect(whole(openai())).rejects.toMatchObject({ status: 429, code: "rate_limit_exceeded" });
  });

  it("passes an error that is too long to be the coordinator's without its body", async () => {
    coordinator.wire.response = () => new Response("x".repeat(70_000), { status: 502 });
    const response = await sealedFetch()("http://umbel.example/v1/responses", {
      method: "POST",
      body: JSON.stringify({ model: "sprout", messages }),
    });
    expect([response.status, await response.text()]).toEqual([502, ""]);
  });

  it("is sealed anew for each of the client's own retries", async () => {
    let failures = 1;
    coordinator.wire.response = (response) => (failures-- > 0 ? new Response("bad gateway", { status: 502 }) : response);
    const client = new OpenAI({ apiKey: "k", baseURL: "http://umbel.example/v1", fetch: sealedFetch(), maxRetries: 1 });
    expect(await whole(client)).toBe(ANSWER);
    expect(coordinator.requests).toHaveLength(2);
  });

  it("does not mind how the network cuts the stream", async () => {
    coordinator.wire.response = async (response) => {
      const bytes = new Uint8Array(await response.arrayBuffer());
      const pieces = new ReadableStream({
        start(controller) {
          for (let at = 0; at < bytes.length; at += 3) controller.enqueue(bytes.slice(at, at + 3));
          controller.close();
        },
      });
      return new Response(pieces, response);
    };
    for (const [, ask] of asks) expect(await ask(openai())).toBe(ANSWER);
  });
});

describe("the key", () => {
  it("is fetched once, from the coordinator that is asked, wherever it is", async () => {
    const fetch = sealedFetch();
    const client = new OpenAI({ apiKey: "k", baseURL: "https://gateway.example/umbel/v1", fetch, maxRetries: 0 });
    await Promise.all([whole(client), whole(client)]);
    await streamed(client);
    expect(new Set(coordinator.keyFetches.map(({ url }) => url))).toEqual(new Set(["https://gateway.example/umbel/v1/encryption-key"]));
    expect(coordinator.keyFetches).toHaveLength(1);
  });

  it("is looked up again after an hour, and when it expires", async () => {
    const client = openai();
    await whole(client);
    now = new Date(NOW.getTime() + 3_599_999);
    await whole(client);
    expect(coordinator.keyFetches).toHaveLength(1);
    now = new Date(NOW.getTime() + 3_600_000);
    await whole(client);
    expect(coordinator.keyFetches).toHaveLength(2);
  });

  it("is fetched anew, past every cache, and the request sealed anew, when it has rotated", async () => {
    const client = openai();
    await whole(client);
    coordinator.rotate();
    expect(await streamed(client)).toBe(ANSWER);
    expect(coordinator.keyFetches.map(({ cache }) => cache)).toEqual(["default", "no-cache"]);
  });

  it("is fetched anew once for all requests that it fails", async () => {
    const client = openai();
    await whole(client);
    coordinator.rotate();
    await Promise.all([whole(client), whole(client), whole(client)]);
    expect(coordinator.keyFetches).toHaveLength(2);
  });

  it("is fetched anew only once a request: a coordinator that goes on refusing is believed", async () => {
    coordinator.wire.response = () => Response.json({ error: { code: "kid_mismatch", message: "no" } }, { status: 400 });
    await expect(whole(openai())).rejects.toMatchObject({ status: 400, code: "kid_mismatch" });
    expect(coordinator.keyFetches).toHaveLength(2);
  });

  it.each([
    ["is missing", () => new Response("", { status: 404 })],
    ["is no key", () => Response.json({ kid: "x" })],
    ["does not fit its id", (document: object) => Response.json({ ...document, kid: "0".repeat(16) })],
    ["has no suite that we know", (document: object) => Response.json({ ...document, suites: ["x"] })],
    ["is too large", () => new Response(" ".repeat(70_000))],
    ["cannot be fetched", () => Response.error()],
  ])("when it %s, nothing is sent, and the next request tries again", async (_, respond) => {
    let broken = true;
    const fetch: typeof globalThis.fetch = async (input, init) =>
      broken && String(input).endsWith("/encryption-key") ? respond(await coordinator.document()) : coordinator.fetch(input, init);
    const client = openai({ fetch });
    await expect(whole(client)).rejects.toMatchObject({ cause: { name: "SealedError", code: "key_unavailable" } });
    expect(coordinator.wire.seen).toBe("");
    broken = false;
    expect(await whole(client)).toBe(ANSWER);
  });
});

it("is not waited for by a caller who leaves", async () => {
  const fetch: typeof globalThis.fetch = () => new Promise(() => undefined);
  const leave = new AbortController();
  const sending = sealedFetch({ fetch })("http://umbel.example/v1/responses", { method: "POST", body: "{}", signal: leave.signal });
  leave.abort(new Error("left"));
  await expect(sending).rejects.toThrow("left");
  const late = sealedFetch({ fetch })("http://umbel.example/v1/responses", { method: "POST", body: "{}", signal: leave.signal });
  await expect(late).rejects.toThrow("left");
});

describe("with trusted coordinators, the key", () => {
  async function trusting(document?: object): Promise<OpenAI> {
    const thumbprint = await deviceThumbprint((await coordinator.document()).signer);
    const fetch: typeof globalThis.fetch = async (input, init) =>
      document !== undefined && String(input).endsWith("/encryption-key") ? Response.json(document) : coordinator.fetch(input, init);
    return openai({ fetch, trustedCoordinators: ["another", thumbprint] });
  }

  it("is taken from one of them, also when it has rotated", async () => {
    const client = await trusting();
    expect(await whole(client)).toBe(ANSWER);
    coordinator.rotate();
    expect(await whole(client)).toBe(ANSWER);
  });

  it("is the one that was signed, whatever stands beside", async () => {
    const signed = await coordinator.document();
    const { kid, public_key } = await new SealingCoordinator(answer).document();
    expect(await whole(await trusting({ ...signed, kid, public_key, keys: [{ ...signed, kid, public_key }] }))).toBe(ANSWER);
  });

  it.each([
    ["another coordinator's", async () => new SealingCoordinator(answer).document()],
    [
      "another coordinator's under the name of the trusted one",
      async () => ({ ...(await new SealingCoordinator(answer).document()), signer: (await coordinator.document()).signer }),
    ],
    ["not signed", async () => ({ ...(await coordinator.document()), signature: "" })],
  ])("is refused when it is %s, and nothing is sent", async (_, document) => {
    const client = await trusting(await document());
    await expect(whole(client)).rejects.toMatchObject({ cause: { name: "SealedError", code: "untrusted_key" } });
    expect(coordinator.wire.seen).toBe("");
  });
});

describe("nothing goes out in the clear", () => {
  it.each(["/v1/files", "/v1/keys", "/chat/completions", "/v1/chat/completions/", "/v2/chat/completions"])(
    "a body for %s",
    async (path) => {
      const sending = sealedFetch()(`http://umbel.example${path}`, { method: "POST", body: CANARY });
      await expect(sending).rejects.toEqual(new SealedError("unknown_endpoint"));
      expect(coordinator.wire.seen).toBe("");
      expect(coordinator.keyFetches).toEqual([]);
    },
  );

  it("whatever form the body has", async () => {
    const url = "http://umbel.example/v1/chat/completions?beta=true";
    const json = JSON.stringify({ model: "sprout", messages });
    const bytes = new TextEncoder().encode(json);
    const stream = new Blob([json]).stream();
    const forms: [string | URL | Request, RequestInit | undefined][] = [
      [new URL(url), { method: "post", body: bytes }],
      [url, { method: "POST", body: new Blob([json]) }],
      [new Request(url, { method: "POST", body: json, headers: { authorization: "Bearer k" } }), undefined],
      [url, { method: "POST", body: stream, duplex: "half" } as RequestInit],
    ];
    for (const [input, init] of forms) expect((await sealedFetch()(input, init)).status).toBe(200);
    expect(coordinator.requests.map(({ body }) => body)).toEqual(forms.map(() => ({ model: "sprout", messages })));
    expect(coordinator.wire.seen).not.toContain(CANARY);
  });

  it("a body over the limit is not sent", async () => {
    const body = "x".repeat(16 * 1024 * 1024 + 1);
    const sending = sealedFetch()("http://umbel.example/v1/chat/completions", { method: "POST", body });
    await expect(sending).rejects.toMatchObject({ name: "SealedError", code: "too_large" });
  });

  it("requests without a body pass as they are", async () => {
    const response = await sealedFetch()("http://umbel.example/v1/models", { headers: { authorization: "Bearer k" } });
    expect(await response.json()).toEqual({ plain: true });
  });
});

describe("an answer that is not what the coordinator sealed fails", () => {
  const event = (index: number) => (events: string[]) => events[index] ?? "";
  function tamper(change: (events: string[]) => string[]): void {
    coordinator.wire.response = async (response) => {
      const events = (await response.text()).split("\n\n").filter((part) => part.startsWith("data: "));
      return new Response(
        change(events)
          .map((part) => `${part}\n\n`)
          .join(""),
        response,
      );
    };
  }

  it.each([
    ["out_of_order", "two events are exchanged", (events: string[]) => [event(1)(events), event(0)(events), ...events.slice(2)]],
    ["out_of_order", "one is left out", (events: string[]) => events.filter((_, at) => at !== 1)],
    ["out_of_order", "one is repeated", (events: string[]) => [event(0)(events), ...events]],
    ["truncated", "the final mark is missing", (events: string[]) => events.slice(0, -1)],
    ["truncated", "there is nothing", () => []],
    ["after_final", "something follows the end", (events: string[]) => [...events, event(0)(events)]],
    ["malformed", "an event in the clear is put in", (events: string[]) => [event(0)(events), 'data: {"choices":[]}', ...events.slice(1)]],
    ["malformed", "a field in the clear is put in", (events: string[]) => ["event: error", ...events]],
    ["authentication", "a bit is changed", (events: string[]) => events.map((part) => part.replace(/.(?=..=?=?"\}$)/, "A"))],
    ["too_large", "an event is endless", () => [`data: ${"x".repeat(SEALED_LIMITS.event_characters_max + 1)}`]],
  ])("%s: in a stream %s", async (code, _, change) => {
    tamper(change);
    await expect(streamed(openai())).rejects.toMatchObject({ name: "SealedError", code });
  });

  it("comments between events are left out, whoever wrote them", async () => {
    tamper((events) => events.flatMap((part) => [part, ": injected"]));
    const response = await sealedFetch()("http://umbel.example/v1/chat/completions", {
      method: "POST",
      body: JSON.stringify({ model: "sprout", messages, stream: true }),
    });
    expect(await response.text()).not.toContain("injected");
  });

  it.each([
    ["authentication", "a bit is changed", (bytes: Uint8Array) => bytes.map((byte, at) => (at === 20 ? byte ^ 1 : byte)), 200],
    ["authentication", "its status is changed", (bytes: Uint8Array) => bytes, 201],
    ["malformed", "it is cut", (bytes: Uint8Array) => bytes.slice(0, 20), 200],
  ])("%s: whole, %s", async (code, _, change, status) => {
    coordinator.wire.response = async (response) =>
      new Response(change(new Uint8Array(await response.arrayBuffer())).slice(), { status, headers: response.headers });
    await expect(whole(openai())).rejects.toMatchObject({ name: "SealedError", code });
  });

  it.each([
    ["JSON", () => Response.json({ choices: [{ message: { role: "assistant", content: "forged" } }] })],
    ["HTML", () => new Response("<p>Welcome to this network</p>", { headers: { "content-type": "text/html" } })],
    ["nothing", () => new Response(null, { status: 204 })],
  ])("unsealed: %s in the clear, and the client does not ask again", async (_, respond) => {
    coordinator.wire.response = respond;
    const client = new OpenAI({ apiKey: "k", baseURL: "http://umbel.example/v1", fetch: sealedFetch(), maxRetries: 2 });
    await expect(whole(client)).rejects.toMatchObject({ name: "SealedError", code: "unsealed" });
    expect(coordinator.requests).toHaveLength(1);
  });

  it.each(asks)("the answer to another request is refused, %s", async (_, ask) => {
    let first: Response | undefined;
    coordinator.wire.response = (response) => {
      first ??= response.clone();
      return first.clone();
    };
    const client = openai();
    expect(await ask(client)).toBe(ANSWER);
    await expect(ask(client)).rejects.toMatchObject({ code: "authentication" });
  });
});

it("stops the coordinator's stream when the reader leaves", async () => {
  const cancel = vi.fn();
  const fetch: typeof globalThis.fetch = async (input, init) => {
    if (String(input).endsWith("/encryption-key")) return coordinator.fetch(input, init);
    return new Response(new ReadableStream({ cancel }), { headers: { "content-type": "text/event-stream" } });
  };
  const response = await sealedFetch({ fetch })("http://umbel.example/v1/chat/completions", { method: "POST", body: "{}" });
  await response.body?.cancel("enough");
  expect(cancel).toHaveBeenCalledWith("enough");
});

it("cannot require receipts without devices to trust", () => {
  expect(() => createUmbelFetch({ receipts: "required" })).toThrow(TypeError);
});
