import { execFileSync } from "node:child_process";
import type OpenAI from "openai";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { eventually, MODEL, type Script, startNetwork, type TestNetwork } from "./harness/index.js";

const ASK = { model: MODEL, messages: [{ role: "user" as const, content: "count the leaves" }], max_tokens: 400 };
/** A slow answer of 300 tokens: long enough to be interrupted. */
const SLOW: Script = { answer: { kind: "words" }, answerTokens: 300, firstToken_ms: 20, tokens_per_s: 50 };
const NEVER_ANSWERS: Script = { ...SLOW, firstToken_ms: 3_600_000 };
const QUICK: Script = { answer: { kind: "text", text: "quick answer" }, answerTokens: 4, firstToken_ms: 1, tokens_per_s: "unlimited" };

describe("faults", () => {
  let network: TestNetwork;
  let openai: OpenAI;
  let apiKey: string;
  let consumers = 0;

  beforeAll(async () => {
    // The second machine of a test has to come up before the first is given up for being silent.
    network = await startNetwork({ UMBEL_FIRST_CONTENT_BASE: "1m" });
  });
  beforeEach(async () => {
    consumers += 1;
    ({ openai, apiKey } = await network.client({ account: `consumer-${consumers}` }));
  });
  afterEach(() => network.stopProviders());
  afterAll(() => network.close());

  it("a provider killed before the first content is replaced without the consumer noticing", async () => {
    const silent = await network.provider({ script: NEVER_ANSWERS });
    const answer = openai.chat.completions.create(ASK);
    await eventually("the first provider has the request", async () =>
      (await network.balance(apiKey)).held_micro_usd > 0 ? true : undefined,
    );
    await network.provider({ script: QUICK });
    silent.kill("SIGKILL");
    expect((await answer).choices[0]?.message.content).toContain("quick answer");
    expect(await network.settledBalance(apiKey)).toBe(1_000_000 - 100);
  });

  it("a provider killed in mid-answer gives an error in the stream, and what was delivered is paid", async () => {
    const provider = await network.provider({ script: SLOW });
    const stream = await openai.chat.completions.create({ ...ASK, stream: true });
    let pieces = 0;
    const reading = (async () => {
      for await (const chunk of stream) {
        if (chunk.choices[0]?.delta.content) pieces += 1;
        if (pieces === 5) provider.kill("SIGKILL");
      }
    })();
    await expect(reading).rejects.toThrow(/provider/);
    expect(pieces).toBeGreaterThanOrEqual(5);
    const spent = 1_000_000 - (await network.settledBalance(apiKey));
    expect(spent).toBe(100);
  });

  it("a consumer who leaves in mid-answer frees the slot and pays for what was generated", async () => {
    await network.provider({ script: { ...SLOW, answerTokens: 390, tokens_per_s: 20 } });
    const leaving = new AbortController();
    const stream = await openai.chat.completions.create({ ...ASK, stream: true }, { signal: leaving.signal });
    for await (const chunk of stream) {
      if (chunk.choices[0]?.delta.content) break;
    }
    leaving.abort();
    const spent = 1_000_000 - (await network.settledBalance(apiKey));
    expect(spent).toBe(100);
    await eventually("the slot is free", async () => {
      const { body } = await network.get(`/v1/models/${MODEL}`, apiKey);
      return (body["metadata"] as { active_requests: number }).active_requests === 0 ? true : undefined;
    });
  });

  it("a worker that crashes is answered for, restarted, and serves again", async () => {
    const provider = await network.provider({ script: SLOW });
    const stream = await openai.chat.completions.create({ ...ASK, stream: true });
    const worker = workerOf(provider.pid);
    let killed = false;
    const reading = (async () => {
      for await (const chunk of stream) {
        if (!chunk.choices[0]?.delta.content || killed) continue;
        killed = true;
        process.kill(worker, "SIGKILL");
      }
    })();
    await expect(reading).rejects.toThrow(/provider/);
    const text = await eventually("the provider serves again", () =>
      openai.chat.completions.create({ ...ASK, max_tokens: 4 }).then(
        (answer) => answer.choices[0]?.message.content ?? "",
        () => undefined,
      ),
    );
    expect(text.length).toBeGreaterThan(0);
  });

  it("a coordinator killed with open holds leaves none open and no balance wrong", async () => {
    await network.provider({ script: SLOW });
    await openai.chat.completions.create({ ...ASK, max_tokens: 1 });
    const before = await network.settledBalance(apiKey);
    const cut = Array.from({ length: 4 }, () =>
      openai.chat.completions.create({ ...ASK, stream: true }).then(async (stream) => {
        for await (const _ of stream);
      }),
    ).map((call) => call.catch(() => "cut"));
    await eventually("all four are held", async () => ((await network.balance(apiKey)).held_micro_usd > 3 * 100 ? true : undefined));

    network.coordinator.kill("SIGKILL");
    await network.coordinator.exited;
    expect(await Promise.all(cut)).toEqual(["cut", "cut", "cut", "cut"]);
    await network.restartCoordinator();

    const after = await network.balance(apiKey);
    expect(after.held_micro_usd).toBe(0);
    expect(after.balance_micro_usd).toBe(before);
    const again = await eventually("the provider has come back", () =>
      openai.chat.completions.create({ ...ASK, max_tokens: 2 }).then(
        (answer) => answer.choices[0]?.finish_reason,
        () => undefined,
      ),
    );
    expect(again).toBe("length");
  });
});

/** Process id of a provider's worker, which is the agent's only child. */
function workerOf(agent: number): number {
  return Number(
    execFileSync("ps", ["--ppid", String(agent), "-o", "pid="], { encoding: "utf8" })
      .trim()
      .split(/\s+/)[0],
  );
}
