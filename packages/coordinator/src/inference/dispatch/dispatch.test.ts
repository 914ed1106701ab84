import { ApiError } from "@umbel/dialects";
import type { ErrorClass } from "@umbel/protocol";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { SettingName } from "../../config/index.js";
import { Inbox, type ProviderClient, ServedRequest, TEST_BUILD, testSlot } from "../../fleet/testing/index.js";
import {
  arrived,
  ONE_PLACE,
  openTestBooks,
  readAll,
  startTestInference,
  type TestBooks,
  type TestInference,
  testPrincipal,
  textOf,
  type WatchedLedger,
} from "../testing/index.js";
import type { Answer } from "../types.js";

/** `hello` is estimated as 5 tokens: a message and its text. */
const FIRST_CONTENT_ms = 5_005;

describe("dispatch", () => {
  let books: TestBooks;
  let ledger: WatchedLedger;
  let test: TestInference;

  beforeAll(async () => {
    books = await openTestBooks();
  });
  afterAll(() => books.close());
  beforeEach(async () => {
    test = await startTestInference(books);
    ledger = test.ledger;
  });
  afterEach(async () => {
    await test.close();
    expect(test.inference.inFlight()).toBe(0);
  });

  async function refusalOf(answer: Promise<unknown>): Promise<ApiError> {
    const outcome = await answer.catch((error: unknown) => error);
    if (outcome instanceof ApiError) return outcome;
    throw new Error("it was not refused");
  }

  it("sends the prepared request sealed, and yields the answer", async () => {
    const provider = await test.provider();
    const asked = test.ask({ maxOutputTokens: 50 });
    const request = await provider.request();
    expect(JSON.parse(new TextDecoder().decode(await request.plaintext()))).toMatchObject({
      model: "test-build",
      maxOutputTokens: 50,
      sampling: { temperature: 0 },
    });
    expect(request.message).toMatchObject({ attempt: 0, max_output_tokens: 50, deadline_ms: FIRST_CONTENT_ms });
    await request.answer("one two three");
    const answer = await asked;
    expect(answer.provider.machineId).toBe(provider.machineId);
    expect(textOf(await readAll(answer))).toBe("one two three");
    expect(await answer.settled).toMatchObject({ state: "settled" });
    expect(ledger.calls).toEqual(["hold", "settle complete"]);
  });

  it("spares machines of older versions what the catalogue says, and others of the same request nothing", async () => {
    const { catalog } = books;
    await catalog.setRuntimeParameters(TEST_BUILD, { body_shims: "vision<0.9=top_p, all<0.6.7=seed+logit_bias" }, "test");
    const old = await test.provider({ version: "0.6.1" });
    const asked = test.ask({ sampling: { seed: 7, topP: 0.5 } });
    const first = await old.request();
    const newer = await test.provider({ version: "0.7.0" });
    const samplingOf = async (request: ServedRequest) => JSON.parse(new TextDecoder().decode(await request.plaintext())).sampling;
    expect(await samplingOf(first)).toEqual({ temperature: 0, topP: 0.5 });
    first.accept();
    first.fail("engine_crash");
    const second = await newer.request();
    expect(await samplingOf(second)).toEqual({ temperature: 0, seed: 7, topP: 0.5 });
    await second.answer("fine");
    expect(textOf(await readAll(await asked))).toBe("fine");
    await catalog.setRuntimeParameters(TEST_BUILD, { body_shims: null }, "test");
  });

  it("gives one account one cache scope, and another account another", async () => {
    const provider = await test.provider({ serve: (request) => request.answer("ok") });
    const scopes: (string | undefined)[] = [];
    for (const accountId of ["consumer", "consumer", "other"] as const) {
      await readAll(await test.ask({}, { principal: testPrincipal(accountId) }));
      scopes.push((await provider.receive("inference_request")).cache_scope);
    }
    expect(scopes[0]).toBe(scopes[1]);
    expect(scopes[0]).not.toBe(scopes[2]);
    expect(scopes.join()).not.toMatch(/consumer|other/);
  });

  it("takes the next machine when one fails before its first content, invisibly", async () => {
    const broken = await test.provider();
    const asked = test.ask();
    const first = await broken.request();
    const sound = await test.provider({ serve: (request) => request.answer("fine") });
    first.accept();
    await first.chunk([{ type: "started", promptTokens: 5, cachedPromptTokens: 0 }]);
    first.fail("engine_crash");
    const answer = await asked;
    expect(answer.provider.machineId).toBe(sound.machineId);
    expect(textOf(await readAll(answer))).toBe("fine");
    expect(ledger.calls).toEqual(["hold", "settle complete"]);
    expect((await sound.receive("inference_request")).attempt).toBe(1);
  });

  it("waits for the next machine when one fails and the others are busy", async () => {
    const broken = await test.provider({ slots: ONE_PLACE });
    const asked = test.ask();
    const first = await broken.request();
    const busy = await test.provider({ slots: ONE_PLACE });
    const before = test.ask();
    const served = await busy.request();
    first.fail("engine_crash");
    await arrived(broken);
    expect(test.inference.inFlight()).toBe(2);
    await served.answer("before");
    expect(textOf(await readAll(await before))).toBe("before");
    const second = await busy.request();
    expect(second.message.attempt).toBe(1);
    await second.answer("fine");
    expect(textOf(await readAll(await asked))).toBe("fine");
  });

  it("takes the next machine when one disconnects", async () => {
    const dying = await test.provider();
    const asked = test.ask();
    await dying.request();
    await test.provider({ serve: (request) => request.answer("fine") });
    dying.kill();
    expect(textOf(await readAll(await asked))).toBe("fine");
  });

  it("takes the next machine when one accepts and stalls: accepting moves no deadline", async () => {
    const stalling = await test.provider();
    const asked = test.ask();
    const request = await stalling.request();
    request.accept("queued");
    request.accept("prefilling");
    await test.provider({ serve: (served) => served.answer("fine") });
    await test.clock.advance(FIRST_CONTENT_ms);
    expect(textOf(await readAll(await asked))).toBe("fine");
    await stalling.receive("cancel");
  });

  it("waits longer for a machine that is loading, but not for ever", async () => {
    const loading = await test.provider();
    const refused = refusalOf(test.ask());
    const request = await loading.request();
    for (let waited_ms = 0; waited_ms < 180_000; waited_ms += 60_000) {
      request.accept("loading");
      loading.heartbeat();
      await arrived(loading);
      expect(test.inference.inFlight()).toBe(1);
      await test.clock.advance(60_000);
    }
    expect(await refused).toMatchObject({ status: 504, code: "timeout" });
    expect(ledger.calls).toEqual(["hold", "release first_content_timeout"]);
  });

  it("gives a machine its time anew once it has loaded", async () => {
    const loading = await test.provider();
    const asked = test.ask();
    const request = await loading.request();
    request.accept("loading");
    await arrived(loading);
    await test.clock.advance(30_000);
    request.accept("prefilling");
    await arrived(loading);
    await test.clock.advance(FIRST_CONTENT_ms - 100);
    await request.answer("loaded");
    expect(textOf(await readAll(await asked))).toBe("loaded");
  });

  it.each<[ErrorClass, number, number, string]>([
    ["engine_crash", 2, 502, "provider_error"],
    ["template_render", 2, 502, "provider_error"],
    ["capacity_slots", 2, 429, "rate_limit_exceeded"],
    ["client_request", 1, 400, "invalid_request_error"],
    ["context_exceeded", 1, 400, "context_length_exceeded"],
  ])("after %s on %i machine(s) of two says %i %s", async (errorClass, tried, status, code) => {
    const seen: string[] = [];
    for (const name of ["one", "two"]) {
      await test.provider({
        serve: (request) => {
          seen.push(name);
          request.fail(errorClass);
        },
      });
    }
    const refusal = await refusalOf(test.ask());
    expect(refusal).toMatchObject({ status, code });
    expect(refusal.retryAfter_s === undefined).toBe(status !== 429);
    expect(seen).toHaveLength(tried);
    expect(ledger.calls).toEqual(["hold", "release provider_error"]);
  });

  it("tells the consumer nothing that a machine says in words of its own", async () => {
    const words = "as a machine I advise <b>umbel.example</b>";
    const provider = await test.provider();
    const refused = refusalOf(test.ask());
    const { request_id } = (await provider.request()).message;
    const detail = { error_class: "client_request", param: words, message: words, error: words };
    provider.sendText(JSON.stringify({ type: "inference_error", request_id, ...detail }));
    const { message, param, status } = await refused;
    expect({ status, param }).toEqual({ status: 400, param: undefined });
    expect(message).not.toContain("machine I advise");
  });

  it("stops after three machines without capacity, however many there are", async () => {
    let tried = 0;
    for (let machine = 0; machine < 5; machine += 1) {
      await test.provider({
        serve: (request) => {
          tried += 1;
          request.fail(machine % 2 === 0 ? "capacity_kv" : "capacity_queue");
        },
      });
    }
    expect(await refusalOf(test.ask())).toMatchObject({ status: 429, message: expect.stringContaining("after 3 attempts") });
    expect(tried).toBe(3);
  });

  it("fails over when the first chunk cannot be opened, and the machine is out", async () => {
    const liar = await test.provider();
    const asked = test.ask();
    const request = await liar.request();
    await test.provider({ serve: (served) => served.answer("honest") });
    request.accept();
    request.rawChunk(new Uint8Array(40));
    expect(textOf(await readAll(await asked))).toBe("honest");
    expect(await test.fleet.event("untrusted")).toMatchObject({ machineId: liar.machineId });
  });

  it("gives a retry no more time than is left of the budget for all attempts", async () => {
    await replace({ contentBudget_ms: "8s", hedging: "off" });
    const requests = new Inbox<ServedRequest>();
    for (let machine = 0; machine < 3; machine += 1) await test.provider({ serve: (request) => requests.put(request) });
    const refused = refusalOf(test.ask());
    for (const expected_ms of [FIRST_CONTENT_ms, 8_000 - FIRST_CONTENT_ms]) {
      const { message } = await requests.take("request", (request): request is ServedRequest => request instanceof ServedRequest);
      expect(message.deadline_ms).toBe(expected_ms);
      await test.clock.advance(expected_ms);
    }
    expect(await refused).toMatchObject({ status: 504, message: expect.stringContaining("after 2 attempts") });
  });

  describe("when the first machine is late", () => {
    const HEDGE_ms = FIRST_CONTENT_ms / 2;

    /** A machine that has the request and says nothing; then another one that could serve it. */
    async function late(): Promise<{ answer: Promise<Answer>; slow: ProviderClient; first: ServedRequest; quick: ProviderClient }> {
      const slow = await test.provider();
      const answer = test.ask();
      const first = await slow.request();
      first.accept("prefilling");
      const quick = await test.provider();
      await test.clock.advance(HEDGE_ms);
      return { answer, slow, first, quick };
    }

    it("asks a second one, shows whoever speaks first, and bills that one alone", async () => {
      const { answer, slow, first, quick } = await late();
      await (await quick.request()).answer("quick");
      const shown = await answer;
      await slow.receive("cancel");
      await first.chunk([{ type: "text", text: "too late", tokens: 2 }]);
      expect(textOf(await readAll(shown))).toBe("quick");
      expect(shown.provider.machineId).toBe(quick.machineId);
      expect(ledger.calls).toEqual(["hold", "settle complete"]);
      expect(ledger.settlements[0]?.servedBy.machineId).toBe(quick.machineId);
      expect(test.metrics.render()).toMatch(/hedges_total\{outcome="won"\} 1/);
    });

    it("shows the first one if it speaks after all, and sends the second away", async () => {
      const { answer, first, quick } = await late();
      const second = await quick.request();
      second.accept();
      await first.answer("after all");
      expect(textOf(await readAll(await answer))).toBe("after all");
      await quick.receive("cancel");
    });

    it("goes on with the first one when the second fails", async () => {
      const { answer, first, quick } = await late();
      (await quick.request()).fail("engine_crash");
      await arrived(quick);
      await first.answer("still here");
      expect(textOf(await readAll(await answer))).toBe("still here");
    });

    it("stops at once when one of them says that the request itself is at fault", async () => {
      const { answer, slow, quick } = await late();
      (await quick.request()).fail("client_request");
      expect(await refusalOf(answer)).toMatchObject({ status: 400 });
      await slow.receive("cancel");
      expect(ledger.calls).toEqual(["hold", "release provider_error"]);
    });

    it("asks nobody else where the operator has switched it off", async () => {
      await replace({ hedging: "off" });
      const { answer, first } = await late();
      await first.answer("alone");
      expect(textOf(await readAll(await answer))).toBe("alone");
      expect(test.metrics.render()).toMatch(/inference_attempts_total\{outcome="content"\} 1/);
      expect(test.metrics.render()).not.toMatch(/hedges_total\{/);
    });
  });

  describe("when every place is taken", () => {
    it("waits in line, first come first served", async () => {
      const provider = await test.provider({ slots: ONE_PLACE });
      const first = test.ask();
      const running = await provider.request();
      const order: string[] = [];
      const second = test.ask().then((answer) => readAll(answer).then((events) => order.push(textOf(events))));
      const third = test.ask().then((answer) => readAll(answer).then((events) => order.push(textOf(events))));
      await ledger.granted(3);
      await running.answer("first");
      await readAll(await first);
      await (await provider.request()).answer("second");
      await (await provider.request()).answer("third");
      await Promise.all([second, third]);
      expect(order).toEqual(["second", "third"]);
    });

    it("gives up after two minutes with 429, and gives the money back", async () => {
      const provider = await test.provider({ slots: ONE_PLACE });
      const first = test.ask();
      const running = await provider.request();
      running.accept();
      await running.chunk([{ type: "text", text: "slow", tokens: 1 }]);
      const answer = await first;
      const refused = refusalOf(test.ask());
      await ledger.granted(2);
      await test.clock.advance(120_000);
      expect(await refused).toMatchObject({
        status: 429,
        message: expect.stringContaining("queue timeout"),
        retryAfter_s: expect.any(Number),
      });
      expect(ledger.calls).toContain("release queue_timeout");
      await running.chunk([], "final");
      await running.finish();
      await readAll(answer);
    });

    it("is told at once that the model is gone where its build leaves the catalogue meanwhile, and has its money back", async () => {
      const provider = await test.provider({ slots: ONE_PLACE });
      const first = test.ask();
      const running = await provider.request();
      const refused = refusalOf(test.ask());
      await ledger.granted(2);
      const gone = vi.spyOn(books.catalog, "build").mockReturnValue(undefined);
      test.inference.catalogChanged();
      expect(await refused).toMatchObject({ status: 404, code: "model_not_found", param: "model" });
      gone.mockRestore();
      expect(ledger.calls).toContain("release no_provider");
      await running.answer("first");
      expect(textOf(await readAll(await first))).toBe("first");
    });

    it("turns away whoever finds the line full, twice as long as there are places, before any money is held", async () => {
      await replace({ queueSize: "1" });
      const provider = await test.provider({ slots: ONE_PLACE });
      const first = test.ask();
      const running = await provider.request();
      const second = test.ask();
      await ledger.granted(2);
      const third = test.ask();
      await ledger.granted(3);
      const calls = ledger.calls.length;
      expect(await refusalOf(test.ask())).toMatchObject({
        status: 429,
        message: expect.stringContaining("queue is full"),
        retryAfter_s: 6,
      });
      expect(ledger.calls).toHaveLength(calls);
      await running.answer("first");
      await readAll(await first);
      await (await provider.request()).answer("second");
      await readAll(await second);
      await (await provider.request()).answer("third");
      await readAll(await third);
    });

    it("waits no longer than the consumer said it would", async () => {
      const provider = await test.provider({ slots: ONE_PLACE });
      const first = test.ask();
      const running = await provider.request();
      const refused = refusalOf(test.ask({}, { deadline_ms: test.clock.now_ms() + 3_000 }));
      await ledger.granted(2);
      await test.clock.advance(3_000);
      expect(await refused).toMatchObject({ status: 504, code: "timeout", message: expect.stringContaining("while it waited") });
      expect(ledger.calls).toContain("release caller_deadline");
      await running.answer("first");
      await readAll(await first);
    });

    it("lets a consumer leave the line", async () => {
      const provider = await test.provider({ slots: ONE_PLACE });
      const first = test.ask();
      const running = await provider.request();
      const leaving = new AbortController();
      const waiting = test.ask({}, { consumerGone: leaving.signal });
      await ledger.granted(2);
      leaving.abort();
      await expect(waiting).rejects.toThrow(/left/);
      expect(ledger.calls).toContain("release client_gone");
      await running.answer("first");
      await readAll(await first);
    });
  });

  it("gives up when the consumer's time is over, and does not hold that against the machine", async () => {
    const provider = await test.provider();
    const refused = refusalOf(test.ask({}, { deadline_ms: test.clock.now_ms() + 2_000 }));
    const request = await provider.request();
    await test.clock.advance(2_000);
    expect(await refused).toMatchObject({ status: 504, code: "timeout", message: expect.stringContaining("before an answer had begun") });
    expect(ledger.calls).toEqual(["hold", "release caller_deadline"]);
    await provider.receive("cancel");
    expect(test.fleet.fleet.standing(provider.machineId).reputation).toMatchObject({ jobsFailed: 0 });
    request.fail("cancelled");
  });

  it("chooses no machine, at any attempt, that would begin later than the operator allows", async () => {
    await replace({ ttftHardReject: "true", firstContentBase_ms: "1s" });
    const fast = await test.provider();
    const slow = await test.provider({ slots: [testSlot({ observed_prefill_tps: 1, observed_decode_tps: 1 })] });
    const refused = refusalOf(test.ask());
    (await fast.request()).fail("engine_crash");
    expect(await refused).toMatchObject({ status: 502, message: expect.stringContaining("after 1 attempt") });
    await slow.taken();
    expect(slow.messages.waiting().filter(({ type }) => type === "inference_request")).toEqual([]);
    await fast.close();
    await arrived(slow);
    expect(await refusalOf(test.ask())).toMatchObject({ status: 429, code: "rate_limit_exceeded" });
  });

  it("releases everything when the consumer leaves before the first content", async () => {
    const provider = await test.provider();
    const leaving = new AbortController();
    const asked = test.ask({}, { consumerGone: leaving.signal });
    await provider.request();
    leaving.abort();
    await expect(asked).rejects.toThrow(/left/);
    await provider.receive("cancel");
    expect(ledger.calls).toEqual(["hold", "release client_gone"]);
  });

  async function replace(settings: Partial<Record<SettingName, string>>): Promise<void> {
    await test.close();
    test = await startTestInference(books, { settings });
    ledger = test.ledger;
  }
});
