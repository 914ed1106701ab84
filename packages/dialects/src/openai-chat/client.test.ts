import OpenAI, { APIError, BadRequestError, RateLimitError } from "openai";
import { describe, expect, it } from "vitest";
import { ApiError } from "../canonical/api-error.js";
import type { ChatEvent } from "../canonical/chat-event.js";
import { someUsage } from "../testing/answers.js";
import { createDialectClientFetch } from "../testing/client-fetch.js";
import { openaiChat } from "./index.js";

const messages = [{ role: "user" as const, content: "What is the capital of France?" }];
const spoken: ChatEvent[] = [
  { type: "started", promptTokens: 9, cachedPromptTokens: 4 },
  { type: "text", text: "Par", tokens: 1 },
  { type: "text", text: "is 🌱", tokens: 2 },
  { type: "finish", reason: "stop", usage: someUsage },
];
const called: ChatEvent[] = [
  { type: "tool_call", index: 0, id: "c0", name: "look_up", arguments: '{"place":', tokens: 1 },
  { type: "tool_call", index: 1, id: "c1", name: "look_up", arguments: '{"place":"Rome"}', tokens: 1 },
  { type: "tool_call", index: 0, arguments: '"Paris"}', tokens: 1 },
  { type: "finish", reason: "tool_calls", usage: someUsage },
];

/** The official client over a server that is nothing but this dialect: what it sends is parsed, what it gets is rendered. */
function clientOf(events: readonly ChatEvent[], failure?: ApiError) {
  const scene = failure === undefined ? { events } : { events, failure };
  return new OpenAI({ apiKey: "x", baseURL: "http://x/v1", maxRetries: 0, fetch: createDialectClientFetch(openaiChat, scene) });
}

describe("the official client", () => {
  it("gets a completion", async () => {
    const completion = await clientOf(spoken).chat.completions.create({ model: "sprout", messages });
    expect(completion).toMatchObject({ id: "chatcmpl-1", object: "chat.completion", model: "sprout" });
    expect(completion.choices[0]).toMatchObject({ message: { role: "assistant", content: "Paris 🌱" }, finish_reason: "stop" });
    expect(completion.usage?.total_tokens).toBe(12);
  });

  it("iterates a stream", async () => {
    const stream = await clientOf(spoken).chat.completions.create({ model: "sprout", messages, stream: true });
    const chunks = await gathered(stream);
    expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("")).toBe("Paris 🌱");
    expect(chunks[0]?.choices[0]?.delta.role).toBe("assistant");
    expect(chunks.at(-1)).toMatchObject({ choices: [{ finish_reason: "stop" }], usage: { total_tokens: 12 } });
  });

  it("gets usage without choices when it asks for it", async () => {
    const stream = await clientOf(spoken).chat.completions.create({
      model: "sprout",
      messages,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = await gathered(stream);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: 12 } });
    expect(chunks.slice(0, -1).every((chunk) => chunk.usage == null)).toBe(true);
  });

  it("puts a stream together with its own helper as it would get it in one piece", async () => {
    for (const events of [spoken, called]) {
      const client = clientOf(events);
      const streamed = await client.chat.completions.stream({ model: "sprout", messages }).finalChatCompletion();
      const whole = await client.chat.completions.create({ model: "sprout", messages });
      expect(streamed.choices[0]?.message).toMatchObject({ role: "assistant", content: whole.choices[0]?.message.content });
      expect(streamed.choices[0]?.finish_reason).toBe(whole.choices[0]?.finish_reason);
      expect(streamed.choices[0]?.message.tool_calls?.map(plainCall)).toEqual(whole.choices[0]?.message.tool_calls?.map(plainCall));
    }
  });

  it("runs tools", async () => {
    const places: string[] = [];
    const tool = {
      type: "function" as const,
      function: {
        name: "look_up",
        description: "Looks a place up.",
        parameters: { type: "object" as const, properties: { place: { type: "string" as const } } },
        parse: JSON.parse as (text: string) => { place: string },
        function: ({ place }: { place: string }) => {
          places.push(place);
          return "found";
        },
      },
    };
    const runner = clientOf(called).chat.completions.runTools({ model: "sprout", messages, tools: [tool] }, { maxChatCompletions: 1 });
    await runner.done();
    expect(places).toEqual(["Paris", "Rome"]);
  });

  it("throws its typed error with code and parameter", async () => {
    const refused = clientOf(spoken).chat.completions.create({ model: "sprout", messages, n: 9 });
    await expect(refused).rejects.toThrow(BadRequestError);
    await expect(refused).rejects.toMatchObject({ status: 400, code: "invalid_request_error", param: "n", type: "invalid_request_error" });
    const busy = new ApiError({ status: 429, code: "rate_limit_exceeded", message: "slow down", retryAfter_s: 2 });
    await expect(clientOf(spoken, busy).chat.completions.create({ model: "sprout", messages })).rejects.toThrow(RateLimitError);
  });

  it("throws for a failure in the middle of a stream, after the text that came before", async () => {
    const late = new ApiError({ status: 504, code: "timeout", message: "request timed out" });
    const stream = await clientOf(spoken.slice(0, 2), late).chat.completions.create({ model: "sprout", messages, stream: true });
    let text = "";
    const reading = (async () => {
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
    })();
    await expect(reading).rejects.toThrow(APIError);
    await expect(reading).rejects.toMatchObject({ code: "timeout", type: "timeout" });
    expect(text).toBe("Par");
  });
});

async function gathered<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

function plainCall(call: OpenAI.ChatCompletionMessageToolCall) {
  return call.type === "function" ? { id: call.id, name: call.function.name, arguments: call.function.arguments } : call;
}
