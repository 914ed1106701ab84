import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ServedRequest, testSlot } from "./fleet/testing/index.js";
import { MODEL, startTestCoordinator, type TestCoordinator } from "./testing.js";

const AT_ONCE = 200;
const MINIMUM_microUsd = 100;
const CREDIT_microUsd = 1_000_000;
/** So slow that no bucket gets anything back while a test runs. */
const HARDLY = "0.001";
const ROOMY = { slots: [testSlot({ max_concurrency: AT_ONCE })] };

interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

describe(`${AT_ONCE} requests at once`, () => {
  let test: TestCoordinator;
  let served: number;
  let finish: () => void;
  let mayFinish: Promise<void>;

  beforeAll(async () => {
    test = await startTestCoordinator({
      requestRate_perSecond: HARDLY,
      requestBurst: String(AT_ONCE),
      // The machine waits until all others are refused, however long that takes.
      firstContentBase_ms: "10m",
      contentBudget_ms: "10m",
    });
    await test.provider({ ...ROOMY, serve });
  });
  afterAll(() => test.close());

  async function serve(request: ServedRequest): Promise<void> {
    served += 1;
    await mayFinish;
    await request.answer("hello there");
  }

  /** Asks as often at once, lets the machine answer when all others are refused, and returns what came. */
  async function askAll(apiKey: string, passing: number, options: { stream?: boolean; headers?: Record<string, string> } = {}) {
    served = 0;
    mayFinish = new Promise((resolve) => {
      finish = resolve;
    });
    let refused = 0;
    const body = JSON.stringify({
      model: MODEL,
      messages: [{ role: "user", content: "hello" }],
      max_tokens: 10,
      stream: options.stream === true,
    });
    const replies = Array.from({ length: AT_ONCE }, async (): Promise<Reply> => {
      const response = await test.post(body, { apiKey, ...(options.headers === undefined ? {} : { headers: options.headers }) });
      const text = await response.text();
      if (response.status !== 200) refused += 1;
      return { status: response.status, headers: response.headers, text };
    });
    await expect.poll(() => refused, { timeout: 60_000 }).toBe(AT_ONCE - passing);
    finish();
    return Promise.all(replies);
  }

  const countOf = (replies: readonly Reply[], status: number) => replies.filter((reply) => reply.status === status).length;

  it("pass an account's requests per minute as far as they go", async () => {
    const apiKey = await test.key({ accountId: "frequent" });
    await Promise.all(Array.from({ length: AT_ONCE - 50 }, () => test.post("{", { apiKey })));
    const replies = await askAll(apiKey, 50);
    expect([countOf(replies, 200), countOf(replies, 429), served]).toEqual([50, AT_ONCE - 50, 50]);
    expect(await test.settledBalance(apiKey)).toBe(CREDIT_microUsd - 50 * MINIMUM_microUsd);
  });

  it("pass a key's requests per minute as far as they go, and tell the others when to come back", async () => {
    const apiKey = await test.key({ accountId: "rpm", rpmLimit: 5 });
    const replies = await askAll(apiKey, 5);
    expect([countOf(replies, 200), countOf(replies, 429), served]).toEqual([5, AT_ONCE - 5, 5]);
    for (const { headers } of replies.filter(({ status }) => status === 429))
      expect(Number(headers.get("retry-after-ms"))).toBeGreaterThan(0);
    expect(await test.settledBalance(apiKey)).toBe(CREDIT_microUsd - 5 * MINIMUM_microUsd);
  });

  it("pass a key's output tokens per minute as far as they go", async () => {
    const apiKey = await test.key({ accountId: "otpm", otpmLimit: 50 });
    const replies = await askAll(apiKey, 5);
    expect([countOf(replies, 200), countOf(replies, 429), served]).toEqual([5, AT_ONCE - 5, 5]);
  });

  it("never spend more than a key's cap, and what they spend once", async () => {
    const apiKey = await test.key({ accountId: "capped", limit_microUsd: BigInt(10 * MINIMUM_microUsd) });
    const replies = await askAll(apiKey, 10);
    expect([countOf(replies, 200), countOf(replies, 402), served]).toEqual([10, AT_ONCE - 10, 10]);
    expect(await test.settledBalance(apiKey)).toBe(CREDIT_microUsd - 10 * MINIMUM_microUsd);
    expect((await test.get("/v1/key", apiKey)).body).toMatchObject({ usage_usd: 0.001, remaining_usd: 0 });
  });

  it("never spend more than the account has", async () => {
    const apiKey = await test.key({ accountId: "poor", credit_microUsd: BigInt(10 * MINIMUM_microUsd) });
    const replies = await askAll(apiKey, 10);
    expect([countOf(replies, 200), countOf(replies, 402)]).toEqual([10, AT_ONCE - 10]);
    expect(await test.settledBalance(apiKey)).toBe(0);
  });

  it.each([["whole"], ["streamed"]])("with one Idempotency-Key run once, cost once, and get one answer: %s", async (form) => {
    const apiKey = await test.key({ accountId: form });
    const replies = await askAll(apiKey, AT_ONCE, { stream: form === "streamed", headers: { "idempotency-key": "the same" } });
    expect([countOf(replies, 200), served]).toEqual([AT_ONCE, 1]);
    expect(new Set(replies.map(({ text }) => text)).size).toBe(1);
    expect(replies.filter(({ headers }) => headers.get("x-umbel-idempotent-replay") !== "true")).toHaveLength(1);
    expect(await test.settledBalance(apiKey)).toBe(CREDIT_microUsd - MINIMUM_microUsd);
  });
});
