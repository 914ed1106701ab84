import { fileURLToPath } from "node:url";
import { systemClock } from "@umbel/protocol/native";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LoadedEmbedder } from "../engine.js";
import { createLlamaEngine } from "./llama-engine.js";

const path = fileURLToPath(new URL("../../../../../models/sprout-embed/sprout-embed-3m-q8_0.gguf", import.meta.url));
const chatPath = fileURLToPath(new URL("../../../../../models/sprout/sprout-3m-q8_0.gguf", import.meta.url));
const engine = createLlamaEngine({ clock: systemClock });
const cpu = { sequences: 1, contextLength_tokens: 2048, threads_max: 1, gpuLayers: 0 };
let embedder: LoadedEmbedder;

beforeAll(async () => {
  embedder = await engine.loadEmbedder({ buildId: "sprout-embed", path }, cpu);
});
afterAll(() => engine.dispose());

const vectorOf = (text: string) => embedder.embed(embedder.encode(text));
const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
/** Of so many tokens. */
const long = (tokens: number) => {
  const sentence = embedder.encode("The quick brown fox jumps over the lazy dog. ");
  return Int32Array.from({ length: tokens }, (_, i) => sentence[i % sentence.length] ?? 0);
};

describe("a vector", () => {
  it("has length 1 and the model's size", async () => {
    const vector = await vectorOf("The capital of France is Paris.");
    expect(vector).toHaveLength(192);
    expect(embedder.vectorSize).toBe(192);
    expect(Math.sqrt(dot(vector, vector))).toBeCloseTo(1, 6);
  });

  it("is the same every time, whatever was asked before or beside it", async () => {
    const texts = ["A dog ran home.", "What is 12 plus 30?", "Hello!"];
    const alone: Float32Array[] = [];
    for (const text of texts) alone.push(await vectorOf(text));
    const together = await Promise.all([...texts, ...texts].map(vectorOf));
    expect(together).toEqual([...alone, ...alone]);
  });

  it("is nearer to that of a similar sentence than to that of another", async () => {
    const [question, similar, other] = await Promise.all(
      ["What is the weather in Berlin?", "How is the weather in Rome?", "A dog ran to its house."].map(vectorOf),
    );
    if (!question || !similar || !other) throw new Error("three vectors were asked for");
    expect(dot(question, similar)).toBeGreaterThan(dot(question, other) + 0.2);
  });

  it("of a long text is that of the whole text, although it is computed in pieces", async () => {
    const mean = await embedder.embed(long(1000));
    const start = await embedder.embed(long(1000).subarray(0, 128));
    const end = await embedder.embed(long(1000).subarray(896));
    expect(dot(mean, start)).toBeLessThan(0.9999);
    expect(dot(mean, end)).toBeLessThan(0.9999);
    const wholeAtOnce = await reference(long(1000));
    expect(1 - dot(mean, wholeAtOnce)).toBeLessThan(1e-5);
  });

  it("of a text of megabytes is not even tried: only as much is made into tokens as shows that it is too long", () => {
    const tokens = embedder.encode("fox ".repeat(1_000_000));
    expect(tokens.length).toBeGreaterThan(2048);
    expect(tokens.length).toBeLessThan(200_000);
  });

  it("takes control tokens in a text as text", () => {
    expect(embedder.encode("<|im_end|>").length).toBeGreaterThan(1);
  });
});

/** The library's own way, in one batch. */
async function reference(tokens: Int32Array): Promise<Float32Array> {
  const { getLlama, LlamaLogLevel } = await import("node-llama-cpp");
  const llama = await getLlama({ gpu: false, build: "never", skipDownload: true, logLevel: LlamaLogLevel.disabled });
  const model = await llama.loadModel({ modelPath: path, gpuLayers: 0 });
  const context = await model.createEmbeddingContext({ contextSize: 2048, batchSize: 2048, threads: 1 });
  const { vector } = await context.getEmbeddingFor([...tokens] as Parameters<typeof context.getEmbeddingFor>[0]);
  await llama.dispose();
  const norm = Math.hypot(...vector);
  return Float32Array.from(vector, (value) => value / norm);
}

describe("an input is refused", () => {
  it("with the figures when it is longer than the context, which the longest that fits is not", async () => {
    await expect(embedder.embed(long(2049))).rejects.toMatchObject({
      code: "context_exceeded",
      message: "the input needs 2049 tokens of 2048",
    });
    await expect(embedder.embed(long(2048))).resolves.toHaveLength(192);
  });

  it.each([
    ["it has no tokens", Int32Array.of()],
    ["a token is none of the model's", Int32Array.of(1_000_000)],
    ["a token is negative", Int32Array.of(-1)],
  ])("when %s", async (_, tokens) => {
    await expect(embedder.embed(tokens)).rejects.toMatchObject({ code: "internal" });
  });
});

describe("cancellation", () => {
  it("ends an input between two pieces, and leaves the next one right", async () => {
    const before = await vectorOf("Hello!");
    const controller = new AbortController();
    const running = embedder.embed(long(2048), controller.signal);
    const next = vectorOf("Hello!");
    controller.abort(new Error("enough"));
    await expect(running).rejects.toThrow("enough");
    expect(await next).toEqual(before);
  });
});

describe("loading", () => {
  it("reads a file that says nothing of vectors as one whose last token stands for the input", async () => {
    const chat = await engine.loadEmbedder({ buildId: "sprout", path: chatPath }, { ...cpu, contextLength_tokens: 512 });
    expect(chat.contextLength_tokens).toBe(512);
    const hello = chat.encode("Hello!");
    const vector = await chat.embed(hello);
    expect(Math.sqrt(dot(vector, vector))).toBeCloseTo(1, 6);
    await chat.dispose();
    await expect(chat.embed(hello)).rejects.toMatchObject({ code: "internal" });
  });

  it("refuses what is no model", async () => {
    await expect(engine.loadEmbedder({ buildId: "x", path: import.meta.filename }, cpu)).rejects.toMatchObject({ code: "artifact" });
  });

  it("ends running inputs when the model is unloaded", async () => {
    const model = await engine.loadEmbedder({ buildId: "sprout-embed", path }, cpu);
    const running = model.embed(long(2048));
    const [end] = await Promise.allSettled([running, model.dispose()]);
    expect(end).toMatchObject({ status: "rejected", reason: { code: "internal" } });
  });
});
