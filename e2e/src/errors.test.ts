import OpenAI, { APIError } from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MODEL, startNetwork, type TestNetwork } from "./harness/index.js";

const HELLO = { model: MODEL, messages: [{ role: "user" as const, content: "hello" }] };

describe("errors as the official client sees them", () => {
  let network: TestNetwork;
  let openai: OpenAI;
  let apiKey: string;

  beforeAll(async () => {
    network = await startNetwork();
    ({ openai, apiKey } = await network.client());
  });
  afterAll(() => network.close());

  it("no provider: 503 with Retry-After", async () => {
    const error = await failure(openai.chat.completions.create(HELLO));
    expect(error).toMatchObject({ status: 503, code: "model_unavailable" });
    expect(Number(error.headers?.get("retry-after"))).toBeGreaterThan(0);
  });

  describe("with a provider", () => {
    beforeAll(async () => {
      await network.provider({ script: { answer: { kind: "words" }, answerTokens: 8 } });
    });

    it("unknown key: 401", async () => {
      const stranger = new OpenAI({ baseURL: `${network.url}/v1`, apiKey: `sk-um-${"0".repeat(64)}`, maxRetries: 0 });
      expect(await failure(stranger.chat.completions.create(HELLO))).toMatchObject({ status: 401, code: "authentication_error" });
    });

    it("no funds: 402", async () => {
      const poor = await network.client({ account: "poor", credit_microUsd: 0n });
      expect(await failure(poor.openai.chat.completions.create(HELLO))).toMatchObject({
        status: 402,
        type: "insufficient_funds",
        code: "insufficient_quota",
      });
    });

    it("unknown model: 404", async () => {
      expect(await failure(openai.chat.completions.create({ ...HELLO, model: "no-such-model" }))).toMatchObject({
        status: 404,
        code: "model_not_found",
        param: "model",
      });
    });

    it("wrong parameter: 400 that names it", async () => {
      expect(await failure(openai.chat.completions.create({ ...HELLO, temperature: 9 }))).toMatchObject({
        status: 400,
        param: "temperature",
      });
    });

    it.each([
      ["broken JSON", '{"model": "sprout", "messages": [', 400],
      ["not an object", "[]", 400],
      ["oversized", JSON.stringify({ ...HELLO, padding: "x".repeat(16 * 2 ** 20) }), 413],
    ])("%s: OpenAI's error shape", async (_, body, status) => {
      const response = await fetch(`${network.url}/v1/chat/completions`, {
        method: "POST",
        headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
        body,
      });
      expect(response.status).toBe(status);
      expect(await response.json()).toEqual({
        error: {
          message: expect.any(String),
          type: "invalid_request_error",
          code: expect.any(String),
          param: null,
          request_id: response.headers.get("x-request-id"),
        },
      });
    });

    it("unknown route: 404 in the same shape", async () => {
      const { status, body } = await network.get("/v1/nothing", apiKey);
      expect(status).toBe(404);
      expect(body).toMatchObject({ error: { type: "invalid_request_error", message: expect.any(String) } });
    });

    it("costs nothing to be refused", async () => {
      const before = await network.settledBalance(apiKey);
      await failure(openai.chat.completions.create({ ...HELLO, model: "no-such-model" }));
      await failure(openai.chat.completions.create({ ...HELLO, temperature: 9 }));
      expect(await network.settledBalance(apiKey)).toBe(before);
    });
  });
});

async function failure(call: Promise<unknown>): Promise<APIError> {
  const outcome = await call.then(
    () => new Error("the call succeeded"),
    (error: unknown) => error,
  );
  if (outcome instanceof APIError) return outcome;
  throw outcome;
}
