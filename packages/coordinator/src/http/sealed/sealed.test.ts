import { statSync } from "node:fs";
import { request as httpRequest } from "node:http";
import path from "node:path";
import {
  type AnswerOpener,
  createAnswerOpener,
  deviceThumbprint,
  encryptionKeyDocument,
  fromBase64,
  fromUtf8,
  SEALED_CONTENT_TYPE,
  sealTransportRequest,
  utf8,
  verifyClaims,
} from "@umbel/protocol";
import { nativeCrypto } from "@umbel/protocol/native";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MODEL, startTestCoordinator, type TestCoordinator } from "../../testing.js";
import { COUNTERS } from "../count-tokens-route.js";
import { SURFACES } from "../inference-routes.js";

const suite = "x25519-sha256-aes256gcm";
const CANARY = "canary of the seal";
const CHAT = "/v1/chat/completions";
const ASK = { model: MODEL, messages: [{ role: "user", content: `keep ${CANARY}` }] };
const MESSAGES = { model: MODEL, max_tokens: 8, messages: ASK.messages };
const BODIES: Readonly<Record<string, object>> = {
  [CHAT]: ASK,
  "/v1/responses": { model: MODEL, input: CANARY },
  "/v1/responses/input_tokens": { model: MODEL, input: CANARY },
  "/v1/completions": { model: MODEL, prompt: CANARY },
  "/v1/embeddings": { model: MODEL, input: CANARY },
  "/v1/messages": MESSAGES,
  "/v1/messages/count_tokens": { model: MODEL, messages: ASK.messages },
};
const BODY_LIMIT_bytes = 64 * 1024;

describe("sealed mode", () => {
  let test: TestCoordinator;
  let apiKey: string;
  beforeAll(async () => {
    test = await startTestCoordinator({ bodyLimit_bytes: `${BODY_LIMIT_bytes}B`, keepaliveInterval_ms: "50ms" });
    apiKey = await test.key();
    await test.provider({ serve: (request) => request.answer(`an answer with a ${CANARY} in it`) });
  });
  afterAll(() => test.close());

  async function publicKey(): Promise<Uint8Array> {
    const document = encryptionKeyDocument.parse((await test.get("/v1/encryption-key")).body);
    return fromBase64(document.public_key);
  }

  interface Sealed {
    readonly body: Uint8Array;
    readonly opener: AnswerOpener;
  }

  async function seal(
    body: unknown,
    { path = CHAT, timestamp = new Date(), key }: { path?: string; timestamp?: Date; key?: Uint8Array } = {},
  ): Promise<Sealed> {
    const recipientPublicKey = key ?? (await publicKey());
    const plaintext = utf8(typeof body === "string" ? body : JSON.stringify(body));
    const sealed = await sealTransportRequest(nativeCrypto, { method: "POST", path, recipientPublicKey, suite, timestamp, plaintext });
    const opener = createAnswerOpener(nativeCrypto, { answerSecret: sealed.answerSecret, suite });
    return { body: sealed.body, opener };
  }

  function send(
    body: Uint8Array,
    { path = CHAT, headers = {} }: { path?: string; headers?: Record<string, string> } = {},
  ): Promise<Response> {
    const type = { authorization: `Bearer ${apiKey}`, "content-type": SEALED_CONTENT_TYPE };
    return fetch(`${test.url}${path}`, { method: "POST", headers: { ...type, ...headers }, body: Uint8Array.from(body) });
  }

  /** Opens a whole answer and parses it; what is on the wire is checked to be sealed. */
  async function openWhole(response: Response, opener: AnswerOpener): Promise<unknown> {
    expect(response.headers.get("content-type")).toBe(SEALED_CONTENT_TYPE);
    expect(response.headers.get("x-umbel-sealed")).toBe("true");
    const bytes = new Uint8Array(await response.arrayBuffer());
    expect(Buffer.from(bytes).includes(CANARY)).toBe(false);
    return JSON.parse(fromUtf8(await opener.whole(response.status, bytes)));
  }

  async function openStream(text: string, opener: AnswerOpener): Promise<string> {
    expect(text).not.toContain(CANARY);
    let opened = "";
    for (const event of text.split("\n\n").filter((part) => part.startsWith("data: "))) {
      opened += fromUtf8((await opener.event(event.slice("data: ".length))).plaintext);
    }
    expect(opener.ended).toBe(true);
    return opened;
  }

  async function refusal(response: Response): Promise<unknown> {
    expect(response.headers.get("content-type")).toMatch(/^application\/json/);
    const { error } = (await response.json()) as { error: { code: string } };
    return [response.status, error.code];
  }

  describe("publishes its keys", () => {
    it("the current one first, and lets them be cached", async () => {
      const { status, headers, body } = await test.get("/v1/encryption-key");
      expect(status).toBe(200);
      expect(headers.get("cache-control")).toBe("public, max-age=300");
      expect(body).toMatchObject({
        kid: expect.stringMatching(/^[0-9a-f]{16}$/),
        suites: ["x25519-sha256-aes256gcm", "x25519-sha256-chacha20poly1305"],
      });
      const { keys, signer, signature, ...current } = encryptionKeyDocument.parse(body);
      expect(keys).toEqual([current]);
      expect(await verifyClaims(signer, "encryption_keys", signature)).toEqual({ keys });
      const started = test.log.map((line) => JSON.parse(line)).find(({ event }) => event === "started");
      expect(started).toMatchObject({ identity: await deviceThumbprint(signer) });
      expect(statSync(path.join(test.home, "coordinator-identity.pem")).mode & 0o777).toBe(0o600);
    });

    it("to any web page", async () => {
      const response = await fetch(`${test.url}/v1/encryption-key`, { headers: { origin: "https://elsewhere.example" } });
      expect(response.headers.get("access-control-allow-origin")).toBe("*");
    });

    it("in the API's description", async () => {
      const { body } = await test.get("/openapi.json");
      const type = { [SEALED_CONTENT_TYPE]: { schema: { format: "binary" } } };
      const underSeal = { post: { requestBody: { content: type }, responses: { 200: { content: type } } } };
      const paths = Object.fromEntries(Object.keys(BODIES).map((path) => [path, underSeal]));
      expect(body).toMatchObject({ paths: { ...paths, "/v1/encryption-key": { get: { tags: ["Service"] } } } });
    });
  });

  describe("answers", () => {
    it("whole", async () => {
      const { body, opener } = await seal(ASK);
      expect(Buffer.from(body).includes(CANARY)).toBe(false);
      const response = await send(body);
      expect(response.status).toBe(200);
      expect(await openWhole(response, opener)).toMatchObject({
        choices: [{ message: { content: `an answer with a ${CANARY} in it` }, finish_reason: "stop" }],
      });
      expect(response.headers.get("x-inference-job-id")).toBeTruthy();
    });

    it("as a stream", async () => {
      const { body, opener } = await seal({ ...ASK, stream: true });
      const response = await send(body);
      expect(response.headers.get("content-type")).toBe("text/event-stream");
      expect(response.headers.get("x-umbel-sealed-kid")).toMatch(/^[0-9a-f]{16}$/);
      const opened = await openStream(await response.text(), opener);
      expect(opened).toContain("canary ");
      expect(opened.endsWith("data: [DONE]\n\n")).toBe(true);
    });

    it.each([...SURFACES, ...COUNTERS].map(({ path }) => path))("on %s, whatever comes of it", async (path) => {
      const valid = BODIES[path] ?? {};
      for (const body of [valid, { ...valid, stream: true }, { model: 7, canary: CANARY }, `not JSON, ${CANARY}`]) {
        const { body: envelope, opener } = await seal(body, { path });
        const response = await send(envelope, { path });
        if (response.headers.get("content-type") === "text/event-stream") await openStream(await response.text(), opener);
        else expect(await openWhole(response, opener)).toBeTypeOf("object");
      }
    });

    it("with the error, sealed, when something is wrong with the request inside", async () => {
      const { body, opener } = await seal({ ...ASK, temperature: 9 });
      const response = await send(body);
      expect(response.status).toBe(400);
      expect(await openWhole(response, opener)).toMatchObject({ error: { code: "invalid_request_error", param: "temperature" } });
    });

    it("a repetition under one Idempotency-Key with the first answer, sealed anew, and bills once", async () => {
      const key = await test.key({ accountId: "carol" });
      const headers = { "idempotency-key": "once", authorization: `Bearer ${key}` };
      const first = await seal(ASK);
      const answer = await openWhole(await send(first.body, { headers }), first.opener);
      const again = await seal(ASK);
      const repeated = await send(again.body, { headers });
      expect(repeated.headers.get("x-umbel-idempotent-replay")).toBe("true");
      expect(await openWhole(repeated, again.opener)).toEqual(answer);
      expect(await test.settledBalance(key)).toBe(1_000_000 - 100);
    });

    it("a stream that waits with signs of life that say nothing and take no sequence number", async () => {
      const slow = await startTestCoordinator({ keepaliveInterval_ms: "20ms" });
      try {
        const key = await slow.key();
        await slow.provider({
          serve: async (request) => {
            await new Promise((resolve) => setTimeout(resolve, 150));
            await request.answer("late words");
          },
        });
        const document = encryptionKeyDocument.parse((await slow.get("/v1/encryption-key")).body);
        const { body, opener } = await seal({ ...ASK, stream: true }, { key: fromBase64(document.public_key) });
        const response = await fetch(`${slow.url}${CHAT}`, {
          method: "POST",
          headers: { authorization: `Bearer ${key}`, "content-type": SEALED_CONTENT_TYPE },
          body: Uint8Array.from(body),
        });
        const text = await response.text();
        expect(text.startsWith(":\n\n")).toBe(true);
        expect(text.replaceAll(":\n\n", "").startsWith('data: {"sequence":0,')).toBe(true);
        expect(await openStream(text, opener)).toContain("late");
      } finally {
        await slow.close();
      }
    });
  });

  describe("refuses, in the clear", () => {
    it("an envelope that was here before", async () => {
      const { body, opener } = await seal(ASK);
      await openWhole(await send(body), opener);
      expect(await refusal(await send(body))).toEqual([400, "replayed_request"]);
      const bob = { authorization: `Bearer ${await test.key({ accountId: "bob" })}` };
      expect(await refusal(await send(body, { headers: bob }))).toEqual([400, "replayed_request"]);
    });

    it.each([-6, 6])("one that was sealed %i minutes from now", async (minutes) => {
      const { body } = await seal(ASK, { timestamp: new Date(Date.now() + minutes * 60_000) });
      expect(await refusal(await send(body))).toEqual([400, "replayed_request"]);
    });

    it("one for a key that it does not have", async () => {
      const { body } = await seal(ASK, { key: nativeCrypto.randomBytes(32) });
      expect(await refusal(await send(body))).toEqual([400, "kid_mismatch"]);
    });

    it("one that was changed, or made for another endpoint", async () => {
      const { body } = await seal(ASK);
      const changed = body.slice();
      changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
      expect(await refusal(await send(changed))).toEqual([400, "decryption_failed"]);
      expect(await refusal(await send(body, { path: "/v1/responses" }))).toEqual([400, "decryption_failed"]);
    });

    it("what only says that it is sealed, and never reads it as plain", async () => {
      const plain = utf8(JSON.stringify(ASK));
      for (const type of [SEALED_CONTENT_TYPE, "Application/UMBEL-sealed; charset=utf-8"]) {
        expect(await refusal(await send(plain, { headers: { "content-type": type } }))).toEqual([400, "invalid_sealed_envelope"]);
      }
    });

    it("in Anthropic's shape on Anthropic's endpoint", async () => {
      const response = await send(utf8("{}"), { path: "/v1/messages" });
      expect(await response.json()).toMatchObject({ type: "error", error: { code: "invalid_sealed_envelope" } });
    });

    it("without a valid API key, before it opens anything", async () => {
      const { body } = await seal(ASK);
      expect(await refusal(await send(body, { headers: { authorization: "Bearer sk-um-none" } }))).toEqual([401, "authentication_error"]);
    });

    it("a body over the limit; one byte less is taken", async () => {
      const padded = (length: number): string => {
        const bare = JSON.stringify({ ...ASK, user: "" });
        return bare.replace('"user":""', `"user":"${"u".repeat(length - bare.length)}"`);
      };
      const largest = await seal(padded(BODY_LIMIT_bytes));
      const taken = await send(largest.body);
      expect(taken.headers.get("content-type")).toBe(SEALED_CONTENT_TYPE);
      const over = await seal(padded(BODY_LIMIT_bytes + 1));
      expect(await refusal(await send(over.body))).toEqual([413, "payload_too_large"]);
      const far = await seal(padded(BODY_LIMIT_bytes + 2_000));
      expect(await refusal(await send(far.body))).toEqual([413, "payload_too_large"]);
    });

    it("everything, when it is switched off", async () => {
      const off = await startTestCoordinator({ sealingKeyRotation_ms: "0" });
      try {
        const key = await off.key();
        expect((await off.get("/v1/encryption-key")).status).toBe(503);
        const { body } = await seal(ASK);
        const headers = { authorization: `Bearer ${key}`, "content-type": SEALED_CONTENT_TYPE };
        const response = await fetch(`${off.url}${CHAT}`, { method: "POST", headers, body: Uint8Array.from(body) });
        expect(await refusal(response)).toEqual([503, "encryption_unavailable"]);
      } finally {
        await off.close();
      }
    });
  });

  it("logs nothing of what was sealed", () => {
    expect(test.log.join("")).not.toContain(CANARY);
  });

  it("bills a stream whose reader leaves, as it does in the clear", async () => {
    const key = await test.key({ accountId: "dave" });
    const { body } = await seal({ ...ASK, stream: true });
    const request = httpRequest(`${test.url}${CHAT}`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": SEALED_CONTENT_TYPE },
    });
    request.on("response", (response) => {
      response.on("error", () => undefined);
      // A sign of life before the first content is nothing to pay for.
      response.on("data", (piece: Buffer) => {
        if (piece.includes("data: ")) request.destroy();
      });
    });
    request.on("error", () => undefined);
    request.end(body);
    await new Promise((resolve) => request.once("close", resolve));
    expect(await test.settledBalance(key)).toBeLessThan(1_000_000);
  });
});
