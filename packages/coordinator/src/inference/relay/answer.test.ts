import { ApiError, type ChatEvent } from "@umbel/dialects";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ATTEMPT_BUFFER_LIMITS } from "../../fleet/index.js";
import type { ProviderClient, ServedRequest } from "../../fleet/testing/index.js";
import {
  arrived,
  openTestBooks,
  readAll,
  startTestInference,
  type TestBooks,
  type TestInference,
  textOf,
  type WatchedLedger,
} from "../testing/index.js";
import type { Answer } from "../types.js";

const IDLE_ms = 600_000;
const GRACE_ms = 30_000;
const word = (text: string): ChatEvent => ({ type: "text", text, tokens: 1 });
const STARTED: ChatEvent = { type: "started", promptTokens: 7, cachedPromptTokens: 2 };

describe("an answer that has begun", () => {
  let books: TestBooks;
  let ledger: WatchedLedger;
  let test: TestInference;
  let provider: ProviderClient;
  let leaving: AbortController;
  let timersBefore: number;

  beforeAll(async () => {
    books = await openTestBooks();
  });
  afterAll(() => books.close());
  beforeEach(async () => {
    test = await startTestInference(books);
    ledger = test.ledger;
    provider = await test.provider();
    leaving = new AbortController();
    timersBefore = test.clock.pendingTimers;
  });
  afterEach(async () => {
    await ledger.allEnded();
    await test.close();
    expect(test.inference.inFlight()).toBe(0);
  });

  /** An answer whose first word has arrived. */
  async function begin(): Promise<{ answer: Answer; request: ServedRequest }> {
    const { reading, request } = await ask(true);
    return { answer: await reading, request };
  }

  /** The same, streamed or not. */
  async function ask(stream: boolean): Promise<{ reading: Promise<Answer>; request: ServedRequest }> {
    const reading = test.ask({}, { consumerGone: leaving.signal, stream });
    reading.catch(() => undefined);
    const request = await provider.request();
    request.accept();
    await request.chunk([STARTED, word("one")]);
    await arrived(provider);
    return { reading, request };
  }

  async function end(
    request: ServedRequest,
    usage = { prompt_tokens: 7, completion_tokens: 1, reasoning_tokens: 0, cached_prompt_tokens: 2 },
  ) {
    const { prompt_tokens: promptTokens, completion_tokens: completionTokens } = usage;
    const counted = { promptTokens, completionTokens, reasoningTokens: 0, cachedPromptTokens: usage.cached_prompt_tokens };
    await request.chunk([{ type: "finish", reason: request.cancelled.aborted ? "cancelled" : "stop", usage: counted }], "final");
    await request.finish({ usage });
  }

  async function failureOf(answer: Answer): Promise<ApiError> {
    const outcome = await readAll(answer).catch((error: unknown) => error);
    if (outcome instanceof ApiError) return outcome;
    throw new Error("it did not fail");
  }

  it("hands on what arrived together in one batch, and the finish only with the settled usage", async () => {
    const { answer, request } = await begin();
    await request.chunk([word(" two")]);
    await request.chunk([word(" three")]);
    await arrived(provider);
    const batches: (readonly ChatEvent[])[] = [];
    const reading = (async () => {
      for await (const batch of answer.events) batches.push(batch);
    })();
    await end(request, { prompt_tokens: 7, completion_tokens: 3, reasoning_tokens: 0, cached_prompt_tokens: 2 });
    await reading;
    expect(batches.slice(0, 2)).toEqual([
      [STARTED, word("one")],
      [word(" two"), word(" three")],
    ]);
    expect(batches.at(-1)).toEqual([
      { type: "finish", reason: "stop", usage: { promptTokens: 7, completionTokens: 3, reasoningTokens: 0, cachedPromptTokens: 2 } },
    ]);
    expect(answer.receipt()).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
    expect(await answer.settled).toMatchObject({ state: "settled" });
    expect(ledger.settlements).toMatchObject([
      { reason: "complete", usage: { completion_tokens: 3 }, servedBy: { machineId: provider.machineId } },
    ]);
    expect(test.clock.pendingTimers).toBe(timersBefore);
  });

  it("counts answers for which a machine has counted more tokens than it has sent bytes", async () => {
    for (const completion_tokens of [3 + 64, 3 + 64 + 1]) {
      const { answer, request } = await begin();
      await end(request, { prompt_tokens: 7, completion_tokens, reasoning_tokens: 0, cached_prompt_tokens: 0 });
      await readAll(answer);
      await answer.settled;
    }
    expect(test.metrics.render()).toMatch(/^umbel_billing_usage_suspicious_total\{.*\} 1$/m);
  });

  it("settles what it relayed, and no more, when the receipt is not for this answer", async () => {
    const { answer, request } = await begin();
    const usage = { prompt_tokens: 7, completion_tokens: 900, reasoning_tokens: 0, cached_prompt_tokens: 0 };
    await request.chunk([], "final");
    await request.finish({ usage, receipt: { response_digest: "00".repeat(32) } });
    expect(textOf(await readAll(answer))).toBe("one");
    await answer.settled;
    expect(ledger.settlements).toMatchObject([{ usage: { prompt_tokens: 7, completion_tokens: 1 } }]);
    expect(answer.receipt()).toBeUndefined();
  });

  it.each<[string, (request: ServedRequest) => Promise<void> | void]>([
    ["dies", () => provider.kill()],
    ["reports an error", (request) => request.fail("engine_crash")],
    ["sends a chunk that cannot be opened", (request) => request.rawChunk(new Uint8Array(64))],
    ["says it is complete without a final chunk", (request) => request.finish()],
  ])("breaks off in band and settles what was delivered when the provider %s", async (_what, act) => {
    const { answer, request } = await begin();
    await act(request);
    expect(await failureOf(answer)).toMatchObject({ status: 502, code: "provider_error", message: "provider ended without completion" });
    expect(await answer.settled).toMatchObject({ state: "settled" });
    expect(ledger.settlements).toMatchObject([
      { reason: "provider_lost", usage: { prompt_tokens: 7, completion_tokens: 1, cached_prompt_tokens: 2 } },
    ]);
  });

  it("gives up on a provider that falls silent, and settles what was delivered", async () => {
    const { answer, request } = await begin();
    const failed = failureOf(answer);
    for (let waited_ms = 0; waited_ms < IDLE_ms; waited_ms += 60_000) {
      provider.heartbeat();
      await arrived(provider);
      await test.clock.advance(60_000);
    }
    expect(await failed).toMatchObject({ status: 504, code: "timeout", message: "request timed out" });
    expect(ledger.settlements).toMatchObject([{ reason: "timeout", usage: { completion_tokens: 1 } }]);
    await provider.receive("cancel");
    expect(request.cancelled.aborted).toBe(true);
  });

  it("ends with an error, never with a gap, when the consumer reads too slowly", async () => {
    const { answer, request } = await begin();
    for (let chunk = 0; chunk < ATTEMPT_BUFFER_LIMITS.events_max + 10; chunk += 1) await request.chunk([word("x")]);
    await test.fleet.event("attempt_overflow");
    let text = "";
    const reading = (async () => {
      for await (const batch of answer.events) text += textOf(batch);
    })();
    await expect(reading).rejects.toMatchObject({ code: "timeout" });
    expect(text).toMatch(/^onex+$/);
    expect(ledger.settlements).toMatchObject([{ reason: "slow_consumer", usage: { completion_tokens: text.length - 2 } }]);
  });

  describe.each([["streaming"], ["not streaming"]])("whose consumer leaves (%s)", (mode) => {
    const stream = mode === "streaming";

    it("parks the hold, asks the provider to stop, and settles what it accounts for", async () => {
      const { request } = await ask(stream);
      leaving.abort();
      await provider.receive("cancel");
      await end(request, { prompt_tokens: 7, completion_tokens: 4, reasoning_tokens: 0, cached_prompt_tokens: 2 });
      await ledger.allEnded();
      expect(ledger.calls).toEqual(["hold", "park", "settle cancelled"]);
      expect(ledger.settlements).toMatchObject([{ usage: { completion_tokens: 4 } }]);
    });

    it("settles what was relayed when the provider does not account for it in time", async () => {
      const { reading } = await ask(stream);
      const read = reading.then(readAll);
      if (stream) await reading;
      leaving.abort();
      await expect(read).rejects.toThrow(/left/);
      await provider.receive("cancel");
      await test.clock.advance(GRACE_ms);
      await ledger.allEnded();
      expect(ledger.settlements).toMatchObject([{ reason: "no_terminal_after_cancel", usage: { prompt_tokens: 7, completion_tokens: 1 } }]);
    });

    it("settles what was relayed when the provider is lost meanwhile", async () => {
      const { reading } = await ask(stream);
      if (stream) await (await reading).events[Symbol.asyncIterator]().next();
      leaving.abort();
      await provider.receive("cancel");
      provider.kill();
      await ledger.allEnded();
      expect(ledger.settlements).toMatchObject([{ reason: "provider_lost", usage: { completion_tokens: 1 } }]);
    });
  });

  describe("that its consumer is to see whole", () => {
    it("begins anew on another machine when its own is lost in the middle, and only what is seen is paid", async () => {
      const { reading, request } = await ask(false);
      const other = await test.provider({ serve: (served) => served.answer("from the start") });
      await request.chunk([word(" two")]);
      provider.kill();
      const answer = await reading;
      expect(answer.provider.machineId).toBe(other.machineId);
      expect((await readAll(answer)).flatMap((event) => (event.type === "text" ? [event.text] : [])).join("")).toBe("from the start");
      expect(ledger.calls).toEqual(["hold", "settle complete"]);
      expect(ledger.settlements).toMatchObject([{ servedBy: { machineId: other.machineId } }]);
    });

    it("is an error, and free, when nobody is left who could begin anew", async () => {
      const { reading } = await ask(false);
      provider.kill();
      await expect(reading).rejects.toMatchObject({ status: 502, code: "provider_error" });
      expect(ledger.calls).toEqual(["hold", "release provider_error"]);
    });
  });

  it("counts as left when its reader stops early", async () => {
    const { answer, request } = await begin();
    for await (const _ of answer.events) break;
    await provider.receive("cancel");
    await end(request);
    await ledger.allEnded();
    expect(ledger.calls).toEqual(["hold", "park", "settle cancelled"]);
  });

  it("is not disturbed by a consumer who leaves after the end", async () => {
    const { answer, request } = await begin();
    await end(request);
    await readAll(answer);
    leaving.abort();
    await answer.settled;
    expect(ledger.calls).toEqual(["hold", "settle complete"]);
  });

  it("does not wait longer than two seconds for its settlement, which then happens later", async () => {
    const { answer, request } = await begin();
    const go = ledger.hang("settle");
    await end(request);
    await readAll(answer);
    await test.clock.advance(2_000);
    expect(await answer.settled).toEqual({ state: "pending" });
    expect(test.metrics.render()).toContain("umbel_billing_pending_total 1");
    go();
  });

  it("tells the consumer that the charge is pending when the ledger fails, and the operator that it did", async () => {
    const { answer, request } = await begin();
    ledger.fail("settle", 1);
    await end(request);
    await readAll(answer);
    expect(await answer.settled).toEqual({ state: "pending" });
    expect(test.metrics.render()).toContain('umbel_billing_failed_total{op="settle"} 1');
    for (const job of ledger.open) await ledger.release(job, "internal_error");
  });

  it("still asks the provider to stop when the hold cannot be parked", async () => {
    const { request } = await begin();
    ledger.fail("park", 1);
    leaving.abort();
    await provider.receive("cancel");
    await end(request);
  });
});
