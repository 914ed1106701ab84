import Anthropic from "@anthropic-ai/sdk";
import { betaZodTool } from "@anthropic-ai/sdk/helpers/beta/zod";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { startUp, type UpNetwork } from "../harness/index.js";

const model = "sprout";
const france = { model, max_tokens: 200, messages: [{ role: "user" as const, content: "What is the capital of France?" }] };
const weather = { ...france, messages: [{ role: "user" as const, content: "What is the weather in Paris?" }] };
const getWeather: Anthropic.Tool = {
  name: "get_weather",
  description: "Get the current weather for a city",
  input_schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};

/** Nothing here knows of Umbel but the address and the key. */
describe("the official Anthropic client", () => {
  let network: UpNetwork;
  let client: Anthropic;

  beforeAll(async () => {
    network = await startUp();
    client = new Anthropic({ baseURL: network.origin, apiKey: network.apiKey, maxRetries: 0 });
  });
  afterAll(() => network.close());

  it("gets a message, with its key as Anthropic's clients send it", async () => {
    const message = await client.messages.create(france);
    expect(message).toMatchObject({ type: "message", role: "assistant", model, stop_reason: "end_turn" });
    expect(message.content).toEqual([expect.objectContaining({ type: "text", text: expect.stringContaining("Paris") })]);
    expect(message.usage.input_tokens).toBeGreaterThan(0);
    expect(message.usage.output_tokens).toBeGreaterThan(0);
  });

  it("follows a system prompt", async () => {
    const message = await client.messages.create({ ...france, system: "You must answer with one word only." });
    expect(textOf(message)).toMatch(/^Paris\.?$/);
  });

  it("streams the same words, event by event", async () => {
    const stream = client.messages.stream({ ...france });
    const said: string[] = [];
    stream.on("text", (delta) => said.push(delta));
    const message = await stream.finalMessage();
    const whole = await client.messages.create({ ...france });
    expect(said.length).toBeGreaterThan(1);
    expect(said.join("")).toBe(textOf(whole));
    expect(textOf(message)).toBe(textOf(whole));
    expect(message.usage.output_tokens).toBe(whole.usage.output_tokens);
  });

  it("thinks before it answers, in a block of its own", async () => {
    const asked = { ...france, max_tokens: 1_500, system: "/think" };
    const messages = [{ role: "user" as const, content: "What is the capital of Peru?" }];
    const message = await client.messages.create({ ...asked, messages, thinking: { type: "enabled", budget_tokens: 1_024 } });
    const [thinking, text] = message.content;
    expect(thinking).toMatchObject({ type: "thinking", thinking: expect.stringMatching(/\w{3}/) });
    expect(text).toMatchObject({ type: "text", text: expect.stringContaining("Lima") });
    const streamed = await client.messages
      .stream({ ...asked, messages, thinking: { type: "enabled", budget_tokens: 1_024 } })
      .finalMessage();
    expect(streamed.content).toEqual(message.content);
  });

  it("calls a tool and tells what it found", async () => {
    const called = await client.messages.create({ ...weather, tools: [getWeather] });
    const call = called.content.find((block) => block.type === "tool_use");
    expect(called.stop_reason).toBe("tool_use");
    expect(call).toMatchObject({ name: "get_weather", input: { city: "Paris" } });
    const answer = await client.messages.create({
      ...weather,
      tools: [getWeather],
      messages: [
        ...weather.messages,
        { role: "assistant", content: called.content },
        {
          role: "user",
          content: [{ type: "tool_result", tool_use_id: call?.id ?? "", content: '{"temperature": 18, "condition": "sunny"}' }],
        },
      ],
    });
    expect(textOf(answer)).toMatch(/18|sunny/);
  });

  it("streams a call's input as JSON that grows", async () => {
    const stream = client.messages.stream({ ...weather, tools: [getWeather], tool_choice: { type: "tool", name: "get_weather" } });
    const fragments: string[] = [];
    stream.on("inputJson", (fragment) => fragments.push(fragment));
    const message = await stream.finalMessage();
    const call = message.content.find((block) => block.type === "tool_use");
    expect(JSON.parse(fragments.join(""))).toEqual(call?.input);
    expect(fragments.length).toBeGreaterThan(1);
  });

  it("runs tools until the model has answered", async () => {
    const asked: unknown[] = [];
    const tool = betaZodTool({
      name: "get_weather",
      description: "Get the current weather for a city",
      inputSchema: z.object({ city: z.string() }),
      run: (input) => {
        asked.push(input);
        return '{"temperature": 18, "condition": "sunny"}';
      },
    });
    const message = await client.beta.messages.toolRunner({ ...weather, tools: [tool] });
    expect(asked).toEqual([{ city: "Paris" }]);
    expect(message.stop_reason).toBe("end_turn");
  });

  it("goes on with an answer that was begun, and stops where it was told to", async () => {
    const begun = [...france.messages, { role: "assistant" as const, content: "The capital of" }];
    const message = await client.messages.create({ ...france, messages: begun, stop_sequences: ["aris"] });
    expect(message).toMatchObject({ stop_reason: "stop_sequence", stop_sequence: "aris" });
    expect(textOf(message)).toMatch(/^ France is P$/);
  });

  it("counts tokens, and lists models", async () => {
    const { input_tokens } = await client.messages.countTokens({ model, messages: france.messages });
    expect(input_tokens).toBeGreaterThan(5);
    const ids: string[] = [];
    for await (const entry of client.models.list()) ids.push(entry.id);
    expect(ids).toContain(model);
  });

  it("throws its own typed errors", async () => {
    const refused = await client.messages.create({ ...france, max_tokens: 0 }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(Anthropic.BadRequestError);
    expect(refused).toMatchObject({ status: 400, error: { type: "error", error: { type: "invalid_request_error" } } });
    const stranger = new Anthropic({ baseURL: network.origin, apiKey: "sk-um-unknown", maxRetries: 0 });
    await expect(stranger.messages.create(france)).rejects.toThrow(Anthropic.AuthenticationError);
    await expect(client.messages.create({ ...france, model: "no-such-model" })).rejects.toThrow(Anthropic.NotFoundError);
  });
});

function textOf({ content }: Anthropic.Message): string {
  return content.map((block) => (block.type === "text" ? block.text : "")).join("");
}
