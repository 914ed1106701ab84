import type { ChatRequest } from "@umbel/dialects";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openTestBooks, readAll, startTestInference, type TestBooks, type TestInference, testPrincipal } from "../testing/index.js";

type Message = ChatRequest["messages"][number];

const textParts = (text: string) => [{ type: "text" as const, text }];
const SYSTEM: Message = { role: "system", content: textParts("instructions ".repeat(1_000)) };
const asked = (text: string): Message => ({ role: "user", content: textParts(text) });
const answered = (text: string): Message => ({ role: "assistant", content: textParts(text), toolCalls: [] });

describe("where follow-up turns go", () => {
  let books: TestBooks;
  let test: TestInference;
  beforeAll(async () => {
    books = await openTestBooks();
  });
  afterAll(() => books.close());
  beforeEach(async () => {
    test = await startTestInference(books);
  });
  afterEach(() => test.close());

  async function servedBy(messages: Parameters<TestInference["ask"]>[0], input?: Parameters<TestInference["ask"]>[1]): Promise<string> {
    const answer = await test.ask(messages, input);
    await readAll(answer);
    await answer.settled;
    return answer.provider.machineId;
  }

  it("is where their beginning was answered, and their cache was found to hold it", async () => {
    let cachedPromptTokens = 0;
    for (let machine = 0; machine < 6; machine += 1) {
      await test.provider({
        serve: async (request) => {
          request.accept();
          await request.chunk([{ type: "started", promptTokens: 3_000, cachedPromptTokens }]);
          await request.chunk([{ type: "text", text: "ok", tokens: 1 }]);
          await request.chunk([], "final");
          await request.finish({
            usage: { prompt_tokens: 3_000, completion_tokens: 1, reasoning_tokens: 0, cached_prompt_tokens: cachedPromptTokens },
          });
        },
      });
    }
    const conversation = [SYSTEM, asked("hello")];
    const first = await servedBy({ messages: conversation });
    cachedPromptTokens = 2_900;
    for (let turn = 0; turn < 5; turn += 1) {
      conversation.push(answered("ok"), asked(`and ${turn}?`));
      expect(await servedBy({ messages: conversation })).toBe(first);
    }
    const metrics = test.metrics.render();
    expect(metrics).toContain('umbel_cache_affinity_total{model="test-build",outcome="unknown"} 1');
    expect(metrics).toContain('umbel_cache_affinity_total{model="test-build",outcome="hit"} 5');
    expect(metrics).toContain('umbel_cached_prompt_tokens_total{model="test-build"} 14500');
  });

  it("is not told by what another account has said", async () => {
    for (let machine = 0; machine < 2; machine += 1) await test.provider({ serve: (request) => request.answer("ok") });
    await servedBy({ messages: [SYSTEM, asked("hello")] });
    await servedBy({ messages: [SYSTEM, asked("hello")] }, { principal: testPrincipal("other") });
    expect(test.metrics.render()).toContain('umbel_cache_affinity_total{model="test-build",outcome="unknown"} 2');
  });

  it("is anywhere when the operator has switched it off", async () => {
    await test.close();
    test = await startTestInference(books, { settings: { affinityBonus_ms: "0" } });
    await test.provider({ serve: (request) => request.answer("ok") });
    await servedBy({ messages: [SYSTEM, asked("hello")] });
    await servedBy({ messages: [SYSTEM, asked("hello")] });
    expect(test.metrics.render()).not.toContain("umbel_cache_affinity_total{");
  });
});
