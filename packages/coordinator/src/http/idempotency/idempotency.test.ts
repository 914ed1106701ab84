import { createFakeClock, type FakeClock } from "@umbel/protocol/testing";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createAccounts } from "../../accounts/index.js";
import { createTestDatabase, type TestDatabase } from "../../store/testing.js";
import { createIdempotencyStore } from "../../wiring/index.js";
import type { AnswerSink, WholeAnswer } from "../answer/sink.js";
import { createIdempotency, IDEMPOTENCY_LIMITS, type Idempotency } from "./idempotency.js";

const WINDOW_ms = 3_600_000;
const body = (text: string): Uint8Array => new TextEncoder().encode(text);

function reader(): AnswerSink & { answered?: WholeAnswer } {
  const sink: AnswerSink & { answered?: WholeAnswer } = {
    gone: new AbortController().signal,
    committed: false,
    whole: async (answer) => {
      sink.answered = answer;
    },
    begin: () => undefined,
    write: async () => undefined,
    beat: () => undefined,
    end: async () => undefined,
  };
  return sink;
}

describe("idempotency keys", () => {
  let database: TestDatabase;
  let clock: FakeClock;
  let errors: unknown[];
  let runs: number;
  let serial = 0;

  beforeAll(async () => {
    database = await createTestDatabase();
    const accounts = await createAccounts({ store: database.store, clock: createFakeClock() });
    for (const account of ["alice", "bob"]) await accounts.ensureAccount(account, account);
    await accounts.close();
  });
  afterAll(() => database.close());
  beforeEach(() => {
    clock = createFakeClock();
    errors = [];
    runs = 0;
  });

  function process(instanceId = "here"): Idempotency {
    const store = createIdempotencyStore(database.store);
    return createIdempotency({
      store,
      clock,
      instanceId,
      secret: new Uint8Array(32),
      window_ms: WINDOW_ms,
      onError: (error) => errors.push(error),
    });
  }

  const answering =
    (answer: WholeAnswer = { status: 200, headers: {}, body: "answer" }) =>
    async (sink: AnswerSink): Promise<"answered" | "refused"> => {
      runs += 1;
      await sink.whole(answer);
      return answer.status === 200 ? "answered" : "refused";
    };

  async function ask(
    idempotency: Idempotency,
    key: string,
    change: { accountId?: string; body?: Uint8Array; produce?: Parameters<Idempotency["answer"]>[1] } = {},
  ): Promise<WholeAnswer | undefined> {
    const sink = reader();
    const { accountId = "alice", body: bytes = body("hello"), produce = answering() } = change;
    const request = { accountId, key, path: "/v1/chat/completions", body: bytes, requestId: `request-${serial++}` };
    await idempotency.answer(request, produce, sink);
    return sink.answered;
  }

  /** Resolves when the request has its key; it never ends. */
  function runsForever(idempotency: Idempotency, key: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const produce = (): Promise<"answered"> => {
        resolve();
        return new Promise(() => undefined);
      };
      ask(idempotency, key, { produce }).catch(reject);
    });
  }

  it("run once, however many ask at once and afterwards", async () => {
    const idempotency = process();
    const answers = await Promise.all(Array.from({ length: 200 }, () => ask(idempotency, "many")));
    answers.push(await ask(idempotency, "many"));
    expect(runs).toBe(1);
    for (const answer of answers) expect(answer?.body).toBe("answer");
  });

  it("are each account's own", async () => {
    const idempotency = process();
    await ask(idempotency, "own");
    await ask(idempotency, "own", { accountId: "bob" });
    expect(runs).toBe(2);
  });

  it("refuse another body", async () => {
    const idempotency = process();
    await ask(idempotency, "body");
    await expect(ask(idempotency, "body", { body: body("other") })).rejects.toMatchObject({ status: 422, code: "idempotency_key_reused" });
    await expect(ask(process(), "body", { body: body("other") })).rejects.toMatchObject({ status: 422 });
  });

  it("are free again when the request came to nothing, which everybody who asked is told", async () => {
    const idempotency = process();
    const refused = answering({ status: 503, headers: {}, body: "later" });
    const answers = await Promise.all([ask(idempotency, "free", { produce: refused }), ask(idempotency, "free", { produce: refused })]);
    expect(answers.map((answer) => answer?.status)).toEqual([503, 503]);
    expect(runs).toBe(1);
    await expect.poll(async () => (await ask(idempotency, "free"))?.status).toBe(200);
    expect(runs).toBe(2);
  });

  it("are not run again by a process that does not have the answer", async () => {
    const requestId = `request-${serial}`;
    await ask(process(), "restart");
    // Its end is written after its answer.
    await expect
      .poll(() => database.store.client`select state from idempotency_keys where request_id = ${requestId}`)
      .toEqual([{ state: "ended" }]);
    await expect(ask(process("later"), "restart")).rejects.toThrow("answered and billed");
    expect(runs).toBe(1);
  });

  it("can be taken over from a process that ended before anything was billed, and only then", async () => {
    await runsForever(process("gone"), "takeover");
    expect((await ask(process("later"), "takeover"))?.status).toBe(200);
    await runsForever(process("same"), "running");
    await expect(ask(process("same"), "running")).rejects.toMatchObject({ status: 409, retryAfter_s: 2 });
    expect(runs).toBe(1);
  });

  it("mean nothing any more after their window", async () => {
    const idempotency = process();
    await ask(idempotency, "window");
    await clock.advance(WINDOW_ms);
    await idempotency.sweep();
    await ask(idempotency, "window");
    expect(runs).toBe(2);
  });

  it.each([
    ["nothing", ""],
    ["too much", "x".repeat(IDEMPOTENCY_LIMITS.key_characters_max + 1)],
    ["what is not printable", "a\tb"],
  ])("are refused for %s", async (_name, key) => {
    await expect(ask(process(), key)).rejects.toMatchObject({ status: 400, param: "Idempotency-Key" });
  });

  it("do not keep an answer above the limit, and do not run it again", async () => {
    const idempotency = process();
    const large = answering({ status: 200, headers: {}, body: "x".repeat(IDEMPOTENCY_LIMITS.answer_characters_max) });
    expect((await ask(idempotency, "large", { produce: large }))?.status).toBe(200);
    await expect.poll(() => ask(idempotency, "large").catch((error: { status: number }) => error.status)).toBe(409);
    expect(runs).toBe(1);
  });

  it("free their key when making the answer breaks", async () => {
    const idempotency = process();
    const broken = async (): Promise<"answered"> => {
      throw new Error("broken");
    };
    await expect(ask(idempotency, "broken", { produce: broken })).rejects.toThrow("broken");
    await expect.poll(async () => (await ask(idempotency, "broken"))?.status).toBe(200);
    expect(errors).toHaveLength(1);
  });

  it("store no body and no key", async () => {
    await ask(process(), "canary-key", { body: body("canary-body") });
    const rows = await database.store.client`select * from idempotency_keys`;
    expect(JSON.stringify(rows)).not.toMatch(/canary/);
    expect(rows.length).toBeGreaterThan(0);
  });
});
