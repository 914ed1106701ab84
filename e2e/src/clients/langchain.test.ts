import { HumanMessage, type MessageContent, ToolMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { ChatOpenAI, OpenAI, OpenAIEmbeddings } from "@langchain/openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { startUp, type UpNetwork } from "../harness/index.js";

const getWeather = tool(() => '{"temperature": 18, "condition": "sunny"}', {
  name: "get_weather",
  description: "Get the current weather for a city",
  schema: z.object({ city: z.string() }),
});

/** Nothing here knows of Umbel but the address and the key. */
describe("LangChain's OpenAI client", () => {
  let network: UpNetwork;
  let chat: ChatOpenAI;
  let connection: { readonly apiKey: string; readonly maxRetries: number; readonly configuration: { readonly baseURL: string } };

  beforeAll(async () => {
    network = await startUp();
    connection = { apiKey: network.apiKey, maxRetries: 0, configuration: { baseURL: network.baseURL } };
    chat = new ChatOpenAI({ ...connection, model: "sprout", temperature: 0 });
  });
  afterAll(() => network.close());

  it("invokes", async () => {
    const answer = await chat.invoke("What is the capital of France?");
    expect(textOf(answer.content)).toContain("Paris");
    expect(answer).toMatchObject({ usage_metadata: { output_tokens: expect.any(Number) } });
  });

  it("streams", async () => {
    let text = "";
    let chunks = 0;
    for await (const chunk of await chat.stream("What is the capital of France?")) {
      text += textOf(chunk.content);
      chunks += 1;
    }
    expect(text).toContain("Paris");
    expect(chunks).toBeGreaterThan(2);
  });

  it("batches", async () => {
    const answers = await chat.batch(["What is the capital of Italy?", "What is the capital of Japan?"]);
    expect(answers.map(({ content }) => textOf(content))).toEqual([expect.stringContaining("Rome"), expect.stringContaining("Tokyo")]);
  });

  it("binds tools and tells what they found", async () => {
    const bound = chat.bindTools([getWeather]);
    const question = new HumanMessage("What is the weather in Paris?");
    const called = await bound.invoke([question]);
    expect(called.tool_calls).toMatchObject([{ name: "get_weather", args: { city: "Paris" } }]);
    const [call] = called.tool_calls ?? [];
    const found = new ToolMessage({ tool_call_id: call?.id ?? "", content: String(await getWeather.invoke({ city: "Paris" })) });
    const answer = await bound.invoke([question, called, found]);
    expect(textOf(answer.content)).toMatch(/18|sunny/);
  });

  it.each(["jsonSchema", "functionCalling", "jsonMode"] as const)("gets structured output by %s", async (method) => {
    const person = z.object({ name: z.string(), age: z.number() });
    const structured = chat.withStructuredOutput(person, { method, name: "person" });
    const answer = await structured.invoke("Reply in JSON with keys name and age: Ada is 36 years old.");
    if (method === "functionCalling") expect(person.safeParse(answer).success).toBe(true);
    else expect(answer).toEqual({ name: "Ada", age: 36 });
  });

  it("speaks the Responses API, too", async () => {
    const responses = new ChatOpenAI({ ...connection, model: "sprout", temperature: 0, useResponsesApi: true });
    const answer = await responses.invoke("What is the capital of France?");
    expect(textOf(answer.content)).toContain("Paris");
  });

  it("completes texts and makes vectors", async () => {
    const completed = await new OpenAI({ ...connection, model: "sprout", maxTokens: 5 }).invoke("Once upon a time");
    expect(completed).not.toBe("");
    const embeddings = new OpenAIEmbeddings({ ...connection, model: "sprout-embed" });
    const vectors = await embeddings.embedDocuments(["hello", "good morning"]);
    expect(vectors).toHaveLength(2);
    expect(vectors[0]?.length).toBe((await embeddings.embedQuery("hello")).length);
  });
});

function textOf(content: MessageContent): string {
  if (typeof content === "string") return content;
  return content.map((part) => (part.type === "text" ? String(part["text"]) : "")).join("");
}
