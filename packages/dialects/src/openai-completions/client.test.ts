import OpenAI from "openai";
import { describe, expect, it } from "vitest";
import { ApiError } from "../canonical/api-error.js";
import type { ChatEvent } from "../canonical/chat-event.js";
import { someUsage } from "../testing/answers.js";
import { answered, createDialectClientFetch } from "../testing/client-fetch.js";
import { openaiCompletions } from "./index.js";

const told: ChatEvent[] = [
  {
    type: "text",
    text: " a",
    tokens: 1,
    logprobs: [{ token: " a", logprob: -0.5, bytes: [32, 97], top: [{ token: " the", logprob: -1, bytes: [] }] }],
  },
  { type: "text", text: " time", tokens: 1, choice: 1 },
  { type: "text", text: " 🌱", tokens: 1, logprobs: [{ token: " 🌱", logprob: -0.25, bytes: [], top: [] }] },
  { type: "finish", reason: "length", choices: [{ reason: "length" }, { reason: "tool_calls" }], usage: someUsage },
];

const client = (events: readonly ChatEvent[]) =>
  new OpenAI({ apiKey: "x", baseURL: "http://x/v1", maxRetries: 0, fetch: createDialectClientFetch(openaiCompletions, answered(events)) });

describe("the official client", () => {
  it("gets a completion with log-probabilities and offsets in characters", async () => {
    const completion = await client(told).completions.create({ model: "sprout", prompt: "Once upon", n: 2, logprobs: 1 });
    expect(completion).toMatchObject({ id: "cmpl-1", object: "text_completion", model: "sprout", usage: { total_tokens: 12 } });
    expect(completion.choices).toEqual([
      {
        index: 0,
        text: " a 🌱",
        finish_reason: "length",
        logprobs: {
          tokens: [" a", " 🌱"],
          token_logprobs: [-0.5, -0.25],
          top_logprobs: [{ " the": -1, " a": -0.5 }, { " 🌱": -0.25 }],
          text_offset: [0, 2],
        },
      },
      { index: 1, text: " time", finish_reason: "stop", logprobs: null },
    ]);
  });

  it("iterates a stream that begins with the prompt", async () => {
    const stream = await client(told.slice(2)).completions.create({
      model: "sprout",
      prompt: "Once upon",
      echo: true,
      stream: true,
      stream_options: { include_usage: true },
    });
    const texts: string[] = [];
    let last: unknown;
    for await (const chunk of stream) {
      texts.push(...chunk.choices.map(({ text }) => text));
      last = chunk;
    }
    expect(texts).toEqual(["Once upon 🌱", ""]);
    expect(last).toMatchObject({ choices: [], usage: { total_tokens: 12 } });
  });

  it("is told what it may not ask for", async () => {
    await expect(client(told).completions.create({ model: "sprout", prompt: "x", suffix: "y" })).rejects.toMatchObject({
      status: 400,
      param: "suffix",
      code: "unsupported_parameter",
    });
  });
});

describe("a stream", () => {
  it("is chunks of one object and a terminator", () => {
    const context = {
      id: "1",
      created_s: 5,
      model: "sprout",
      options: { includeUsage: false, echo: "", choices: 1 },
      receipt: () => "a.b.c",
    };
    const renderer = openaiCompletions.streamRenderer(context);
    const events: ChatEvent[] = [
      { type: "started", promptTokens: 9, cachedPromptTokens: 4 },
      { type: "text", text: "Hi", tokens: 1 },
      { type: "finish", reason: "stop", usage: someUsage },
    ];
    const base = '"id":"cmpl-1","object":"text_completion","created":5,"model":"sprout"';
    const usage =
      '"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":1}}';
    expect((events.map((event) => renderer.event(event)).join("") + renderer.end()).split("\n\n")).toEqual([
      `data: {${base},"choices":[{"index":0,"text":"Hi","logprobs":null,"finish_reason":null}]}`,
      `data: {${base},"choices":[{"index":0,"text":"","logprobs":null,"finish_reason":"stop"}],${usage},"extras":{"receipt":"a.b.c","request_id":"1"}}`,
      "data: [DONE]",
      "",
    ]);
  });

  it("of several answers begins each with the prompt, finishes each, and has usage and receipt on a chunk of its own", () => {
    const options = { includeUsage: true, echo: "Go", choices: 2 };
    const renderer = openaiCompletions.streamRenderer({ id: "1", created_s: 5, model: "sprout", options });
    const base = '"id":"cmpl-1","object":"text_completion","created":5,"model":"sprout"';
    const chunk = (index: number, text: string, finish: string) =>
      `data: {${base},"choices":[{"index":${index},"text":"${text}","logprobs":null,"finish_reason":${finish}}]}`;
    const events: ChatEvent[] = [
      { type: "text", text: " on", tokens: 1, choice: 1 },
      { type: "text", text: " away", tokens: 1, choice: 1 },
      { type: "finish", reason: "stop", choices: [{ reason: "stop" }, { reason: "length" }], usage: someUsage },
    ];
    const written = (events.map((event) => renderer.event(event)).join("") + renderer.end()).split("\n\n");
    expect(written.slice(0, 4)).toEqual([
      chunk(1, "Go on", "null"),
      chunk(1, " away", "null"),
      chunk(0, "Go", '"stop"'),
      chunk(1, "", '"length"'),
    ]);
    expect(written[4]).toContain('"choices":[],"usage":{"prompt_tokens":9');
    expect(written.slice(5)).toEqual(["data: [DONE]", ""]);
  });

  it("that fails ends with the error and the terminator", () => {
    const options = { includeUsage: false, echo: "", choices: 1 };
    const renderer = openaiCompletions.streamRenderer({ id: "1", created_s: 5, model: "sprout", options });
    renderer.event({ type: "text", text: "Hi", tokens: 1 });
    expect(renderer.error(new ApiError({ status: 504, code: "timeout", message: "request timed out" }))).toBe(
      'data: {"error":{"message":"request timed out","type":"timeout","code":"timeout","param":null}}\n\ndata: [DONE]\n\n',
    );
  });
});
