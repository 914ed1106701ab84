import { copyFile, mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { systemClock } from "@umbel/protocol/native";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { EngineEvent, GenerateRequest, LoadedModel } from "../engine.js";
import { createLlamaEngine } from "./llama-engine.js";

const sproutPath = fileURLToPath(new URL("../../../../../models/sprout/sprout-3m-q8_0.gguf", import.meta.url));
const engine = createLlamaEngine({ clock: systemClock });
const cpu = { sequences: 16, contextLength_tokens: 2048, threads_max: 1, gpuLayers: 0 };
const decoder = new TextDecoder();
let sprout: LoadedModel;

beforeAll(async () => {
  sprout = await engine.load({ buildId: "sprout", path: sproutPath }, cpu);
});
afterAll(() => engine.dispose());

const chat = (text: string): Int32Array => sprout.tokenize(`<|im_start|>user\n${text}<|im_end|>\n<|im_start|>assistant\n`, true);
const greedy = { temperature: 0 };

async function collect(request: GenerateRequest): Promise<{ events: EngineEvent[]; text: string; end: EngineEvent | undefined }> {
  const events: EngineEvent[] = [];
  for await (const event of sprout.generate(request).events) events.push(event);
  return { events, text: textOf(events), end: events.at(-1) };
}

function textOf(events: readonly EngineEvent[]): string {
  return decoder.decode(Buffer.concat(events.map((event) => (event.type === "token" ? event.bytes : new Uint8Array(0)))));
}

describe("a probe", () => {
  it("tells what a model says of itself without loading its weights, and which file is none", async () => {
    const { chatTemplate, specialTokens } = sprout;
    expect(await engine.probe({ buildId: "sprout", path: sproutPath }, cpu)).toEqual({ chatTemplate, specialTokens });
    const directory = await mkdtemp(join(tmpdir(), "umbel-probe-"));
    const other = createLlamaEngine({ clock: systemClock });
    try {
      const file = join(directory, "m.gguf");
      await writeFile(file, "no model at all");
      await expect(other.probe({ buildId: "x", path: file }, cpu)).rejects.toMatchObject({ name: "EngineError", code: "artifact" });
    } finally {
      await other.dispose();
      await rm(directory, { recursive: true });
    }
  });
});

describe("generation", () => {
  it("answers, says what the prompt was and ends by itself", async () => {
    const tokens = chat("What is the capital of France?");
    const { events, text, end } = await collect({ tokens, maxTokens: 50, sampling: greedy });
    expect(events[0]).toEqual({ type: "started", promptTokens: tokens.length, cachedTokens: 0 });
    expect(text).toContain("Paris");
    expect(end).toEqual({ type: "end", reason: "stop" });
  });

  it("stops at the limit of tokens", async () => {
    const { events, end } = await collect({ tokens: chat("Count from 1 to 50."), maxTokens: 5, sampling: greedy });
    expect(events.filter((event) => event.type === "token")).toHaveLength(5);
    expect(end).toEqual({ type: "end", reason: "length" });
  });

  it("gives bytes that make up every character, also one of several tokens", async () => {
    const ids = [...sprout.tokenize("🙂é", false)];
    expect(sprout.detokenize(Int32Array.from(ids))).toBe("🙂é");
    expect(sprout.detokenize(chat("Hi"))).toBe("<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
    const grammar = 'root ::= "🙂é"';
    const { events, text } = await collect({ tokens: chat("Hi"), maxTokens: 20, sampling: greedy, grammar });
    expect(text).toBe("🙂é");
    expect(ids.length).toBeGreaterThan(2);
    expect(events.filter((event) => event.type === "token").length).toBeGreaterThan(2);
  });

  it("gives sixteen concurrent answers the same text as alone", async () => {
    const prompts = ["Count from 1 to 60.", "What is the capital of Japan?", "Tell me a story about a fox named Pip.", "What is 12 + 30?"];
    const alone: string[] = [];
    for (const prompt of prompts) alone.push((await collect({ tokens: chat(prompt), maxTokens: 120, sampling: greedy })).text);
    const together = await Promise.all(
      Array.from({ length: 16 }, (_, i) => collect({ tokens: chat(prompts[i % 4] ?? ""), maxTokens: 120, sampling: greedy })),
    );
    expect(together.map(({ text }) => text)).toEqual(Array.from({ length: 16 }, (_, i) => alone[i % 4]));
  });
});

describe("sampling", () => {
  const story = { maxTokens: 30, sampling: { temperature: 1.2, seed: 7 } };

  it("repeats an answer for the same seed, also on a sequence used before, and not for another", async () => {
    const tokens = chat("Tell me a story about a dog.");
    const first = await collect({ tokens, ...story });
    const again = await collect({ tokens, ...story });
    const other = await collect({ tokens, maxTokens: 30, sampling: { temperature: 1.2, seed: 8 } });
    expect(again.text).toBe(first.text);
    expect(other.text).not.toBe(first.text);
  });

  it("is greedy at temperature 0 and with one candidate", async () => {
    const tokens = chat("Tell me a story about a dog.");
    const texts = await Promise.all([
      collect({ tokens, maxTokens: 20, sampling: greedy }),
      collect({ tokens, maxTokens: 20, sampling: { temperature: 1.5, topK: 1, seed: 1 } }),
      collect({ tokens, maxTokens: 20, sampling: { temperature: 1.5, topP: 0, seed: 2 } }),
      collect({ tokens, maxTokens: 20, sampling: { temperature: 1.5, minP: 1, seed: 3 } }),
    ]);
    expect(new Set(texts.map(({ text }) => text)).size).toBe(1);
  });

  it("lets penalties and a bias change what is written", async () => {
    const tokens = chat("Count from 1 to 30.");
    const plain = await collect({ tokens, maxTokens: 60, sampling: greedy });
    const comma = sprout.tokenize(",", false)[0] ?? -1;
    const withoutComma = await collect({ tokens, maxTokens: 60, sampling: { temperature: 0, logitBias: new Map([[comma, -1000]]) } });
    expect(plain.text).toContain(",");
    expect(withoutComma.text).not.toContain(",");
    for (const penalty of [{ presencePenalty: 20 }, { frequencyPenalty: 5 }, { repetitionPenalty: 5 }]) {
      const { text } = await collect({ tokens, maxTokens: 60, sampling: { temperature: 0, ...penalty } });
      expect(text).not.toBe(plain.text);
    }
  });

  it("keeps an answer inside its grammar, and refuses text that is none", async () => {
    const tokens = chat("What is the capital of France?");
    const { text, end } = await collect({ tokens, maxTokens: 30, sampling: greedy, grammar: 'root ::= "yes" | "no"' });
    expect(["yes", "no"]).toContain(text);
    expect(end).toMatchObject({ reason: "stop" });
    const refused = await collect({ tokens, maxTokens: 30, sampling: greedy, grammar: "root ::= (" });
    expect(refused.end).toMatchObject({ reason: "error", error: { code: "grammar" } });
  });

  it("tells the model's own log-probabilities, whatever the sampling", async () => {
    const tokens = chat("What is the capital of France?");
    const cold = await collect({ tokens, maxTokens: 3, sampling: greedy, topLogprobs: 4 });
    const hot = await collect({ tokens, maxTokens: 1, sampling: { temperature: 1.9, topK: 3, seed: 4 }, topLogprobs: 4 });
    const first = cold.events.find((event) => event.type === "token");
    const hotFirst = hot.events.find((event) => event.type === "token");
    expect(first?.top).toHaveLength(4);
    expect(first?.logprob).toBe(first?.top?.[0]?.logprob);
    expect(first?.logprob).toBeLessThanOrEqual(0);
    expect(hotFirst?.top).toEqual(first?.top);
    const total = (first?.top ?? []).reduce((sum, { logprob }) => sum + Math.exp(logprob), 0);
    expect(total).toBeGreaterThan(0.5);
    expect(total).toBeLessThanOrEqual(1.000001);
  });
});

describe("limits", () => {
  it("refuses what does not fit into the context before any work", async () => {
    const tokens = chat("Hi");
    const fits = sprout.contextLength_tokens - tokens.length;
    const { events } = await collect({ tokens, maxTokens: fits + 1, sampling: greedy });
    expect(events).toEqual([expect.objectContaining({ reason: "error", error: expect.objectContaining({ code: "context_exceeded" }) })]);
    expect((await collect({ tokens, maxTokens: fits, sampling: greedy })).end).toEqual({ type: "end", reason: "stop" });
  });

  it("fills the context to the last token without losing its beginning", async () => {
    const filler = new Int32Array(sprout.contextLength_tokens - 4).fill(sprout.tokenize(" the", false)[0] ?? 0);
    const { events, end } = await collect({ tokens: filler, maxTokens: 4, sampling: { temperature: 0, logitBias: new Map() } });
    expect(events[0]).toMatchObject({ type: "started", promptTokens: filler.length });
    expect(end).toMatchObject({ reason: expect.stringMatching(/length|stop/) });
  });

  it("ends with an error for nonsense instead of crashing", async () => {
    const tokens = chat("Hi");
    const nonsense: GenerateRequest[] = [
      { tokens: new Int32Array(0), maxTokens: 5, sampling: greedy },
      { tokens, maxTokens: 0, sampling: greedy },
      { tokens: Int32Array.of(999_999), maxTokens: 5, sampling: greedy },
      { tokens, maxTokens: 5, sampling: { temperature: Number.NaN } },
      { tokens, maxTokens: 5, sampling: { temperature: 1, logitBias: new Map([[-1, 1]]) } },
    ];
    for (const request of nonsense) expect((await collect(request)).end).toMatchObject({ reason: "error", error: { code: "internal" } });
  });

  it("refuses a generation more than there are sequences", async () => {
    const running = Array.from({ length: 16 }, () => sprout.generate({ tokens: chat("Hi"), maxTokens: 100, sampling: greedy }));
    expect(() => sprout.generate({ tokens: chat("Hi"), maxTokens: 5, sampling: greedy })).toThrow("all sequences are in use");
    await Promise.all(running.map((generation) => generation.cancel()));
    expect((await collect({ tokens: chat("Hi"), maxTokens: 5, sampling: greedy })).end).toMatchObject({ type: "end" });
  });
});

describe("cancellation", () => {
  it("stops in the middle of an answer and frees the sequence", async () => {
    const generation = sprout.generate({ tokens: chat("Count from 1 to 100."), maxTokens: 400, sampling: greedy });
    const events: EngineEvent[] = [];
    for await (const event of generation.events) {
      events.push(event);
      if (events.length === 5) await generation.cancel();
    }
    expect(events.at(-1)).toEqual({ type: "end", reason: "cancelled" });
    expect(events.length).toBeLessThan(12);
  });

  it("stops in the middle of a prompt", async () => {
    const tokens = sprout.tokenize("the dog ".repeat(900), false).subarray(0, 1800);
    const generation = sprout.generate({ tokens, maxTokens: 10, sampling: greedy });
    const iterator = generation.events[Symbol.asyncIterator]();
    const first = iterator.next();
    await new Promise((resolve) => setImmediate(resolve));
    await generation.cancel();
    expect((await first).value).toEqual({ type: "end", reason: "cancelled" });
    await generation.cancel();
  });

  it("is what leaving the loop means", async () => {
    const running = Array.from({ length: 16 }, () =>
      sprout.generate({ tokens: chat("Count from 1 to 100."), maxTokens: 400, sampling: greedy }),
    );
    for (const generation of running) {
      for await (const event of generation.events) if (event.type === "token") break;
      await generation.cancel();
    }
    expect(() => sprout.generate({ tokens: chat("Hi"), maxTokens: 2, sampling: greedy }).cancel()).not.toThrow();
  });
});

describe("prefix reuse", () => {
  const long = `Please remember: ${"the quick brown fox jumps over the lazy dog. ".repeat(6)}`;

  it("keeps what one scope has computed, and only for that scope", async () => {
    const request = { tokens: chat(`${long} What is 2 + 2?`), maxTokens: 12, sampling: greedy };
    const other = { tokens: chat(`${long} What is 3 + 4?`), maxTokens: 12, sampling: greedy };
    const cold = await collect({ ...other });
    await collect({ ...request, cacheScope: "ada" });
    const warm = await collect({ ...other, cacheScope: "ada" });
    const stranger = await collect({ ...other, cacheScope: "bob" });
    const nobody = await collect(other);
    const cachedOf = ({ events }: { events: readonly EngineEvent[] }) => (events[0]?.type === "started" ? events[0].cachedTokens : -1);
    expect(cachedOf(warm)).toBeGreaterThan(60);
    expect(cachedOf(warm)).toBeLessThan(other.tokens.length);
    expect([cachedOf(cold), cachedOf(stranger), cachedOf(nobody)]).toEqual([0, 0, 0]);
    expect([warm.text, stranger.text, nobody.text]).toEqual([cold.text, cold.text, cold.text]);
    expect(cachedOf(await collect({ ...other, cacheScope: "ada" }))).toBe(other.tokens.length - 1);
  });
});

describe("tokens", () => {
  it("parse control tokens only when asked to", () => {
    expect(sprout.tokenize("<|im_end|>", true)).toHaveLength(1);
    expect(sprout.tokenize("<|im_end|>", false).length).toBeGreaterThan(1);
    expect(sprout.controlTokens).toEqual(["<|endoftext|>", "<|im_start|>", "<|im_end|>"]);
    expect(sprout.vocabularySize).toBe(1792);
  });
});

describe("loading", () => {
  it("says which file cannot be loaded, and lives on", async () => {
    const folder = await mkdtemp(join(tmpdir(), "umbel-engine-"));
    const cut = join(folder, "cut.gguf");
    const noModel = join(folder, "text.gguf");
    await copyFile(sproutPath, cut);
    await truncate(cut, 2_000_000);
    await writeFile(noModel, "this is not a model ".repeat(100));
    for (const path of [cut, noModel, join(folder, "missing.gguf")]) {
      await expect(engine.load({ buildId: "broken", path }, cpu)).rejects.toMatchObject({ code: "artifact" });
    }
    await rm(folder, { recursive: true });
  });

  it("refuses a nonsense of sequences and a load that is aborted", async () => {
    const source = { buildId: "sprout", path: sproutPath };
    await expect(engine.load(source, { ...cpu, sequences: 0 })).rejects.toMatchObject({ code: "internal" });
    await expect(engine.load(source, cpu, AbortSignal.abort())).rejects.toThrow("aborted");
  });

  it("cuts the context to what the model was trained for", async () => {
    const model = await engine.load({ buildId: "sprout", path: sproutPath }, { ...cpu, sequences: 1, contextLength_tokens: 9000 });
    expect(model.contextLength_tokens).toBe(2048);
    await model.dispose();
  });

  it("ends running answers when it is unloaded", async () => {
    const model = await engine.load({ buildId: "sprout", path: sproutPath }, { ...cpu, sequences: 2, contextLength_tokens: 512 });
    const generation = model.generate({ tokens: chat("Count from 1 to 100."), maxTokens: 400, sampling: greedy });
    const events: EngineEvent[] = [];
    for await (const event of generation.events) {
      events.push(event);
      if (events.length === 3) void model.dispose();
    }
    await model.dispose();
    expect(events.at(-1)).toMatchObject({ reason: "error", error: { code: "internal" } });
  });
});
