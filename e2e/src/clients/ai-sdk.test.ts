import { createOpenAICompatible, type OpenAICompatibleProvider } from "@ai-sdk/openai-compatible";
import { embedMany, generateObject, generateText, stepCountIs, streamObject, streamText, tool } from "ai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { startUp, type UpNetwork } from "../harness/index.js";

const person = z.object({ name: z.string(), age: z.number().int() });
const adaInJson = "Reply in JSON with keys name and age: Ada is 36 years old.";

/** Nothing here knows of Umbel but the address and the key. */
describe("the AI SDK", () => {
  let network: UpNetwork;
  let umbel: OpenAICompatibleProvider;
  const asked: unknown[] = [];
  const tools = {
    get_weather: tool({
      description: "Get the current weather for a city",
      inputSchema: z.object({ city: z.string() }),
      execute: (input) => {
        asked.push(input);
        return { temperature: 18, condition: "sunny" };
      },
    }),
  };

  beforeAll(async () => {
    network = await startUp();
    const { baseURL, apiKey } = network;
    umbel = createOpenAICompatible({ name: "umbel", baseURL, apiKey, supportsStructuredOutputs: true, includeUsage: true });
  });
  afterAll(() => network.close());

  const sprout = () => umbel("sprout");

  it("generates text", async () => {
    const { text, finishReason, usage } = await generateText({ model: sprout(), prompt: "What is the capital of France?" });
    expect(text).toContain("Paris");
    expect(finishReason).toBe("stop");
    expect(usage.outputTokens).toBeGreaterThan(0);
  });

  it("streams text and its usage", async () => {
    const result = streamText({ model: sprout(), prompt: "What is the capital of France?" });
    const parts: string[] = [];
    for await (const part of result.textStream) parts.push(part);
    expect(parts.length).toBeGreaterThan(1);
    expect(parts.join("")).toContain("Paris");
    expect((await result.usage).outputTokens).toBeGreaterThan(0);
  });

  it("tells reasoning from text", async () => {
    const result = streamText({ model: sprout(), system: "/think", prompt: "What is the capital of Peru?", temperature: 0 });
    expect(await result.text).toContain("Lima");
    expect((await result.reasoningText)?.length).toBeGreaterThan(5);
  });

  it.each([
    ["at once", async (options: Parameters<typeof generateText>[0]) => (await generateText(options)).text],
    ["streamed", async (options: Parameters<typeof generateText>[0]) => streamText(options as Parameters<typeof streamText>[0]).text],
  ])("calls tools and goes on with what they found, %s", async (_, run) => {
    asked.length = 0;
    const text = await run({ model: sprout(), prompt: "What is the weather in Paris?", tools, temperature: 0, stopWhen: stepCountIs(3) });
    expect(asked).toEqual([{ city: "Paris" }]);
    expect(text).toMatch(/18|sunny/);
  });

  it("generates objects by a schema", async () => {
    const { object } = await generateObject({ model: sprout(), schema: person, prompt: adaInJson, temperature: 0 });
    expect(object).toEqual({ name: "Ada", age: 36 });
  });

  it("streams objects by a schema", async () => {
    const result = streamObject({ model: sprout(), schema: person, prompt: adaInJson, temperature: 0 });
    let partials = 0;
    for await (const _partial of result.partialObjectStream) partials += 1;
    expect(partials).toBeGreaterThan(0);
    expect(await result.object).toEqual({ name: "Ada", age: 36 });
  });

  it("makes vectors", async () => {
    const { embeddings } = await embedMany({ model: umbel.embeddingModel("sprout-embed"), values: ["hello", "good morning"] });
    expect(embeddings).toHaveLength(2);
    expect(embeddings[0]?.length).toBe(embeddings[1]?.length);
  });

  it("completes a text", async () => {
    const { text } = await generateText({ model: umbel.completionModel("sprout"), prompt: "Once upon a time", maxOutputTokens: 5 });
    expect(text).not.toBe("");
  });
});
