import Anthropic from "@anthropic-ai/sdk";
import {
  type AnyDialect,
  ApiError,
  anthropicMessages,
  type ChatEvent,
  openaiChat,
  openaiCompletions,
  openaiEmbeddings,
  openaiResponses,
} from "@umbel/dialects";
import { type DeviceKeyPair, generateDeviceKey, signClaims, type UsageReceipt, usageReceipt } from "@umbel/protocol";
import OpenAI from "openai";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { SEARCHED_LENGTH_MAX } from "./checked-body.js";
import { createUmbelFetch, ReceiptError, type ReceiptPolicy, verifyReceipt } from "./index.js";

const requestId = "6f1c8a52-9f5e-4c0e-8a57-1d2f3b4c5d6e";
const otherId = "00000000-9f5e-4c0e-8a57-1d2f3b4c5d6e";
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
const usage = { promptTokens: 9, completionTokens: 3, reasoningTokens: 0, cachedPromptTokens: 0 };
const messages = [{ role: "user" as const, content: "Hello" }];

let device: DeviceKeyPair;
let stranger: DeviceKeyPair;
let receipt: string;
beforeAll(async () => {
  [device, stranger] = await Promise.all([generateDeviceKey(), generateDeviceKey()]);
  receipt = await signClaims(device, "receipt", claims);
});

interface Answering {
  readonly receipt?: string | undefined;
  readonly failure?: ApiError;
  readonly usage?: typeof usage;
  /** Sizes of the pieces in which the body arrives. */
  readonly piece_bytes?: number;
}

/** A coordinator that answers every request with "Hi 🌱" or a vector, rendered as the real one renders it. */
function coordinatorOf(answering: Answering): typeof globalThis.fetch {
  return async (input, init) => {
    const dialect = dialectOf(String(input));
    const { stream, options } = dialect.parse(JSON.parse(String(init?.body)));
    const context = { id: requestId, created_s: 1, model: "sprout", options, receipt: () => answering.receipt };
    const events: ChatEvent[] = [
      { type: "text", text: "Hi 🌱", tokens: 3 },
      { type: "embedding", index: 0, vector: "AACAPw==" },
      { type: "finish", reason: "stop", usage: answering.usage ?? usage },
    ];
    if (stream && "streamRenderer" in dialect) {
      const renderer = dialect.streamRenderer(context);
      const begun = events.map((event) => renderer.event(event)).join("");
      const ending = answering.failure === undefined ? renderer.end() : renderer.error(answering.failure);
      return new Response(inPieces(begun + ending, answering.piece_bytes), { headers: { "content-type": "text/event-stream" } });
    }
    const renderer = dialect.finalRenderer(context);
    for (const event of events) renderer.event(event);
    const json = JSON.stringify(renderer.result());
    return new Response(inPieces(json, answering.piece_bytes), { headers: { "content-type": "application/json" } });
  };
}

function dialectOf(url: string): AnyDialect<unknown> {
  const dialect = DIALECTS[new URL(url).pathname];
  if (dialect === undefined) throw new Error(`nothing is served on ${url}`);
  return dialect;
}

const DIALECTS: Readonly<Record<string, AnyDialect<unknown>>> = {
  "/v1/chat/completions": openaiChat,
  "/v1/completions": openaiCompletions,
  "/v1/responses": openaiResponses,
  "/v1/embeddings": openaiEmbeddings,
  "/v1/messages": anthropicMessages,
};

function inPieces(text: string, piece_bytes = 64): ReadableStream<Uint8Array<ArrayBuffer>> {
  const bytes = new TextEncoder().encode(text);
  return new ReadableStream({
    start(controller) {
      for (let at = 0; at < bytes.length; at += piece_bytes) controller.enqueue(bytes.slice(at, at + piece_bytes));
      controller.close();
    },
  });
}

function clientOf(answering: Answering, policy: Partial<ReceiptPolicy> = {}) {
  const fetch = vi.fn(coordinatorOf(answering));
  const options = { trustedDevices: [device.publicJwk], receipts: "required" as const, ...policy };
  return { client: new OpenAI({ apiKey: "sk-um-x", baseURL: "http://umbel/v1", fetch: createUmbelFetch({ ...options, fetch }) }), fetch };
}

async function streamed(client: OpenAI): Promise<string> {
  let text = "";
  const stream = await client.chat.completions.create({ model: "sprout", messages, stream: true });
  for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
  return text;
}
async function whole(client: OpenAI): Promise<string> {
  const completion = await client.chat.completions.create({ model: "sprout", messages });
  return completion.choices[0]?.message.content ?? "";
}

describe("an official client with this fetch", () => {
  it("sends what it sends without it", async () => {
    const { client, fetch } = clientOf({ receipt });
    await whole(client);
    const [url, init] = fetch.mock.calls[0] ?? [];
    expect(url).toBe("http://umbel/v1/chat/completions");
    expect(new Headers(init?.headers).get("authorization")).toBe("Bearer sk-um-x");
    expect(JSON.parse(String(init?.body))).toEqual({ model: "sprout", messages });
  });

  it.each([
    ["in one piece", whole],
    ["in a stream", streamed],
  ])("gets an answer %s and its verified receipt", async (_name, ask) => {
    const receipts: [UsageReceipt, string][] = [];
    const { client } = clientOf({ receipt }, { onReceipt: (...verified) => receipts.push(verified) });
    expect(await ask(client)).toBe("Hi 🌱");
    expect(receipts).toEqual([[claims, receipt]]);
  });

  it.each([1, 7, 100_000])("does not mind how the network cuts the stream: %i bytes a piece", async (piece_bytes) => {
    expect(await streamed(clientOf({ receipt, piece_bytes }).client)).toBe("Hi 🌱");
    expect(await whole(clientOf({ receipt, piece_bytes }).client)).toBe("Hi 🌱");
  });

  const asked = { model: "sprout", input: "Hello" };
  const message = { model: "sprout", max_tokens: 9, messages };
  it.each<[string, (client: OpenAI, anthropic: Anthropic) => Promise<unknown>]>([
    ["a response", (client) => client.responses.create(asked)],
    ["a streamed response", (client) => client.responses.stream(asked).finalResponse()],
    ["a completion", (client) => client.completions.create({ model: "sprout", prompt: "Hello" })],
    ["embeddings", (client) => client.embeddings.create(asked)],
    ["a message", (_, anthropic) => anthropic.messages.create(message)],
    ["a streamed message", (_, anthropic) => anthropic.messages.stream(message).finalMessage()],
  ])("holds %s against its receipt, too", async (_name, ask) => {
    const withReceipt = (answering: Answering) => {
      const fetch = createUmbelFetch({ trustedDevices: [device.publicJwk], receipts: "required", fetch: coordinatorOf(answering) });
      const openai = new OpenAI({ apiKey: "x", baseURL: "http://umbel/v1", maxRetries: 0, fetch });
      return ask(openai, new Anthropic({ apiKey: "x", baseURL: "http://umbel", maxRetries: 0, fetch }));
    };
    expect(JSON.stringify(await withReceipt({ receipt }))).toMatch(/Hi 🌱|embedding/);
    await expect(withReceipt({})).rejects.toThrow("receipt refused: missing");
    await expect(withReceipt({ receipt, usage: { ...usage, promptTokens: 10 } })).rejects.toThrow("receipt refused: usage");
  });

  it("may fetch the keys it trusts", async () => {
    const trustedDevices = vi.fn(async () => [stranger.publicJwk, device.publicJwk]);
    expect(await streamed(clientOf({ receipt }, { trustedDevices }).client)).toBe("Hi 🌱");
    expect(trustedDevices).toHaveBeenCalledTimes(1);
  });

  describe.each([
    ["in one piece", whole],
    ["in a stream", streamed],
  ])("refuses an answer %s", (_name, ask) => {
    it("without a receipt, when one is required, and asks only once", async () => {
      const { client, fetch } = clientOf({});
      await expect(ask(client)).rejects.toMatchObject({ name: "ReceiptError", code: "missing" });
      expect(fetch).toHaveBeenCalledTimes(1);
    });

    it("that a device it does not trust has signed", async () => {
      const { client } = clientOf({ receipt }, { trustedDevices: [stranger.publicJwk] });
      await expect(ask(client)).rejects.toMatchObject({ name: "ReceiptError", code: "untrusted_device" });
    });

    it("whose receipt belongs to another request", async () => {
      const other = usageReceipt.parse({ ...claims, request_id: otherId });
      const { client } = clientOf({ receipt: await signClaims(device, "receipt", other) });
      await expect(ask(client)).rejects.toMatchObject({ code: "wrong_answer" });
    });

    it.each(["promptTokens", "completionTokens"] as const)("that reports more %s than were signed", async (field) => {
      const { client } = clientOf({ receipt, usage: { ...usage, [field]: usage[field] + 1 } });
      await expect(ask(client)).rejects.toMatchObject({ code: "usage" });
    });

    it("whose receipt is none, also when none is required", async () => {
      const { client } = clientOf({ receipt: "a.b.c" }, { receipts: "checked" });
      await expect(ask(client)).rejects.toMatchObject({ code: "invalid" });
    });

    it("never for lack of a receipt that is not required", async () => {
      expect(await ask(clientOf({}, { receipts: "checked" }).client)).toBe("Hi 🌱");
    });
  });

  it("sees the failure of an answer as such, not as a missing receipt", async () => {
    const failure = new ApiError({ status: 504, code: "timeout", message: "request timed out" });
    await expect(streamed(clientOf({ failure }).client)).rejects.toMatchObject({ code: "timeout" });
  });

  it("is not fooled by an answer that talks about receipts", async () => {
    const events: ChatEvent[] = [
      { type: "text", text: '{"extras":{"receipt":"a.b.c"}}', tokens: 3 },
      { type: "finish", reason: "stop", usage },
    ];
    const options = { includeUsage: false, excludeReasoning: false, legacyFunctionCall: false, choices: 1 };
    const renderer = openaiChat.streamRenderer({ id: requestId, created_s: 1, model: "sprout", options });
    const body = events.map((event) => renderer.event(event)).join("") + renderer.end();
    const fetch = createUmbelFetch({
      trustedDevices: [device.publicJwk],
      receipts: "required",
      fetch: async () => new Response(body, { headers: { "content-type": "text/event-stream" } }),
    });
    const response = await fetch("http://umbel/v1/chat/completions");
    await expect(response.text()).rejects.toMatchObject({ code: "missing" });
  });
});

describe("a checked stream", () => {
  const fetchOf = (body: BodyInit, type: string) =>
    createUmbelFetch({
      trustedDevices: [device.publicJwk],
      receipts: "required",
      fetch: async () => new Response(body, { headers: { "content-type": type, "x-request-id": "r1" } }),
    });

  it("holds the terminator back when the receipt is missing", async () => {
    const response = await fetchOf(
      'data: {"choices":[]}\n\ndata: [DONE]\n\n',
      "text/event-stream; charset=utf-8",
    )("http://u/v1/chat/completions");
    expect(response.headers.get("x-request-id")).toBe("r1");
    await expect(response.text()).rejects.toThrow(ReceiptError);
  });

  it("delivers text before the answer is complete", async () => {
    const source = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>();
    const writer = source.writable.getWriter();
    const response = await fetchOf(source.readable, "text/event-stream")("http://u/v1/chat/completions");
    const reader = response.body?.getReader();
    const first = new TextEncoder().encode('data: {"choices":[]}\n\n');
    await writer.write(first);
    expect((await reader?.read())?.value).toEqual(first);
    await writer.close();
    await expect(reader?.read()).rejects.toMatchObject({ code: "missing" });
  });

  it("stops the source when its reader leaves", async () => {
    const cancel = vi.fn();
    const response = await fetchOf(new ReadableStream({ cancel }), "text/event-stream")("http://u/v1/chat/completions");
    await response.body?.cancel("enough");
    expect(cancel).toHaveBeenCalledWith("enough");
  });

  it.each(["text/event-stream", "application/json"])("of %s has a limit to what is searched", async (type) => {
    const piece = new Uint8Array(SEARCHED_LENGTH_MAX / 4 + 1).fill(0x20);
    let pieces = 0;
    const endless = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull(controller) {
        pieces++;
        controller.enqueue(piece);
      },
    });
    const response = await fetchOf(endless, type)("http://u/v1/chat/completions");
    const sink = new WritableStream<Uint8Array<ArrayBuffer>>();
    await expect(response.body?.pipeTo(sink)).rejects.toMatchObject({ code: "unreadable" });
    expect(pieces).toBeLessThan(8);
  });
});

describe("what is no answer passes untouched", () => {
  it.each([
    ["an error", "http://u/v1/chat/completions", 429],
    ["another resource", "http://u/v1/models", 200],
  ])("%s", async (_name, url, status) => {
    const response = Response.json({}, { status });
    const fetch = createUmbelFetch({ trustedDevices: [], receipts: "required", fetch: async () => response });
    expect(await fetch(url)).toBe(response);
  });
});

describe("verifying a receipt by hand", () => {
  it("returns what the device claims", async () => {
    expect(await verifyReceipt(receipt, device.publicJwk)).toEqual(claims);
  });

  it("refuses one that was altered", async () => {
    const [header, payload, signature] = receipt.split(".");
    const altered = `${header}.${payload?.replace(/^../, "ey")}A.${signature}`;
    await expect(verifyReceipt(altered, device.publicJwk)).rejects.toMatchObject({ name: "ReceiptError", code: "untrusted_device" });
  });

  it("refuses what the device has signed for another purpose", async () => {
    const challenge = { nonce: btoa("n".repeat(32)), timestamp: "2026-01-01T00:00:00Z", session_id: "s", counter: 1 };
    const jws = await signClaims(device, "challenge", { ...challenge, encryption_key_thumbprint: "a".repeat(64) });
    await expect(verifyReceipt(jws, device.publicJwk)).rejects.toMatchObject({ code: "invalid" });
  });
});
