import fc from "fast-check";
import OpenAI, { APIError, BadRequestError, RateLimitError } from "openai";
import { zodResponsesFunction, zodTextFormat } from "openai/helpers/zod";
import { describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { ApiError } from "../canonical/api-error.js";
import type { ChatEvent } from "../canonical/chat-event.js";
import { wholeAnswer as anyWholeAnswer, ofOneAnswer, someUsage } from "../testing/answers.js";
import { createDialectClientFetch } from "../testing/client-fetch.js";
import type { ResponseBody, streamEvent } from "./answer-schema.js";
import { openaiResponses } from "./index.js";

const input = "What is the capital of France?";
const finish: ChatEvent = { type: "finish", reason: "stop", usage: someUsage };
const spoken: ChatEvent[] = [
  { type: "started", promptTokens: 9, cachedPromptTokens: 4 },
  { type: "text", text: "Par", tokens: 1 },
  { type: "text", text: "is 🌱", tokens: 2 },
  finish,
];
const thoughtful: ChatEvent[] = [{ type: "reasoning", text: "France.", tokens: 1 }, ...spoken];
const called: ChatEvent[] = [
  { type: "tool_call", index: 0, id: "c0", name: "look_up", arguments: '{"place":', tokens: 1 },
  { type: "tool_call", index: 1, id: "c1", name: "look_up", arguments: '{"place":"Rome"}', tokens: 1 },
  { type: "tool_call", index: 0, arguments: '"Paris"}', tokens: 1 },
  { ...finish, reason: "tool_calls" },
];
const structured: ChatEvent[] = [{ type: "text", text: '{"capital":', tokens: 1 }, { type: "text", text: '"Paris"}', tokens: 1 }, finish];

/** The official client over a server that is nothing but this dialect: what it sends is parsed, what it gets is rendered. */
function clientOf(events: readonly ChatEvent[], failure?: ApiError) {
  const scene = failure === undefined ? { events } : { events, failure };
  return new OpenAI({ apiKey: "x", baseURL: "http://x/v1", maxRetries: 0, fetch: createDialectClientFetch(openaiResponses, scene) });
}

const lookUp = zodResponsesFunction({ name: "look_up", description: "Looks a place up.", parameters: z.object({ place: z.string() }) });

describe("the official client", () => {
  it("gets a response", async () => {
    const response = await clientOf(thoughtful).responses.create({
      model: "sprout",
      input,
      instructions: "Be brief.",
      metadata: { a: "b" },
    });
    expect(response).toMatchObject({ id: "resp_1", object: "response", model: "sprout", status: "completed", store: false });
    expect(response).toMatchObject({ instructions: "Be brief.", metadata: { a: "b" }, error: null, incomplete_details: null });
    expect(response.output_text).toBe("Paris 🌱");
    expect(response.output.map(({ type }) => type)).toEqual(["reasoning", "message"]);
    expect(response.usage).toEqual({
      input_tokens: 9,
      input_tokens_details: { cached_tokens: 4, cache_write_tokens: 0 },
      output_tokens: 3,
      output_tokens_details: { reasoning_tokens: 1 },
      total_tokens: 12,
    });
  });

  it("has types that an answer and its events fit", () => {
    type Theirs = Omit<OpenAI.Responses.Response, "output_text" | "reasoning">;
    expectTypeOf<Omit<ResponseBody, "reasoning" | "usage">>().toExtend<Omit<Theirs, "usage">>();
    expectTypeOf<NonNullable<ResponseBody["usage"]>>().toExtend<NonNullable<Theirs["usage"]>>();
    expectTypeOf<Exclude<z.infer<typeof streamEvent>, { response: unknown }>>().toExtend<OpenAI.Responses.ResponseStreamEvent>();
  });

  it("iterates a stream", async () => {
    const stream = await clientOf(spoken).responses.create({ model: "sprout", input, stream: true });
    const events = await gathered(stream);
    expect(events.map((event) => (event.type === "response.output_text.delta" ? event.delta : "")).join("")).toBe("Paris 🌱");
    expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, index) => index));
    expect(events.at(-1)).toMatchObject({ type: "response.completed", response: { usage: { total_tokens: 12 } } });
  });

  it("puts any stream together with its own helper as it would get it in one piece", async () => {
    await fc.assert(
      fc.asyncProperty(anyWholeAnswer.map(ofOneAnswer), async (events) => {
        const client = clientOf(events);
        const streamed = await client.responses.stream({ model: "sprout", input }).finalResponse();
        const whole = await client.responses.parse({ model: "sprout", input });
        expect({ ...streamed, output: streamed.output.map(plain) }).toEqual({ ...whole, output: whole.output.map(plain) });
      }),
      { numRuns: 15 },
    );
  });

  it("tells of text and calls as they grow", async () => {
    const texts: string[] = [];
    const stream = clientOf(spoken).responses.stream({ model: "sprout", input });
    stream.on("response.output_text.delta", ({ snapshot }) => texts.push(snapshot));
    await stream.done();
    expect(texts).toEqual(["Par", "Paris 🌱"]);

    const snapshots: string[] = [];
    const calls = clientOf(called).responses.stream({ model: "sprout", input, tools: [lookUp] });
    calls.on("response.function_call_arguments.delta", (event) => snapshots.push(`${event.output_index} ${event.snapshot}`));
    await calls.done();
    expect(snapshots).toEqual(['0 {"place":', '1 {"place":"Rome"}', '0 {"place":"Paris"}']);
  });

  it("reads calls with its zod helper, and sends their outputs back with all that was said", async () => {
    const client = clientOf(called);
    const response = await client.responses.parse({ model: "sprout", input, tools: [lookUp], tool_choice: "required" });
    const calls = response.output.filter((item) => item.type === "function_call");
    expect(calls.map(({ call_id, parsed_arguments }) => ({ call_id, parsed_arguments }))).toEqual([
      { call_id: "c0", parsed_arguments: { place: "Paris" } },
      { call_id: "c1", parsed_arguments: { place: "Rome" } },
    ]);
    const thoughts = (await clientOf(thoughtful).responses.create({ model: "sprout", input })).output;
    const outputs = calls.map(({ call_id }) => ({ type: "function_call_output" as const, call_id, output: "found" }));
    const next = [{ role: "user" as const, content: input }, ...thoughts, ...response.output, ...outputs];
    await expect(
      clientOf(spoken).responses.create({ model: "sprout", input: next as OpenAI.Responses.ResponseInput }),
    ).resolves.toMatchObject({
      status: "completed",
    });
  });

  it("parses structured answers with its zod helper, in one piece and from a stream", async () => {
    const text = { format: zodTextFormat(z.object({ capital: z.string() }), "answer") };
    const whole = await clientOf(structured).responses.parse({ model: "sprout", input, text });
    const streamed = await clientOf(structured).responses.stream({ model: "sprout", input, text }).finalResponse();
    expect([whole.output_parsed, streamed.output_parsed]).toEqual([{ capital: "Paris" }, { capital: "Paris" }]);
    expect(whole.text?.format).toMatchObject({ type: "json_schema", name: "answer", strict: true });
  });

  it("gets log-probabilities when it includes them", async () => {
    const token = { token: "Paris", logprob: -0.5, bytes: [80] };
    const events: ChatEvent[] = [{ type: "text", text: "Paris", tokens: 1, logprobs: [{ ...token, top: [token] }] }, finish];
    const response = await clientOf(events).responses.create({
      model: "sprout",
      input,
      include: ["message.output_text.logprobs"],
      top_logprobs: 1,
    });
    expect(response.output).toMatchObject([{ content: [{ logprobs: [{ ...token, top_logprobs: [token] }] }] }]);
  });

  it("sees what is incomplete as such, and parses none of it", async () => {
    const text = { format: zodTextFormat(z.object({ capital: z.string() }), "answer") };
    const cut: ChatEvent[] = [...structured.slice(0, 1), { ...finish, reason: "length" }];
    for (const response of [
      await clientOf(cut).responses.parse({ model: "sprout", input, text }),
      await clientOf(cut).responses.stream({ model: "sprout", input, text }).finalResponse(),
    ]) {
      expect(response).toMatchObject({ status: "incomplete", incomplete_details: { reason: "max_output_tokens" }, output_parsed: null });
    }
  });

  it("throws its typed error with code and parameter", async () => {
    const refused = clientOf(spoken).responses.create({ model: "sprout", input, previous_response_id: "resp_0" });
    await expect(refused).rejects.toThrow(BadRequestError);
    await expect(refused).rejects.toMatchObject({ status: 400, code: "unsupported_parameter", param: "previous_response_id" });
    const busy = new ApiError({ status: 429, code: "rate_limit_exceeded", message: "slow down", retryAfter_s: 2 });
    await expect(clientOf(spoken, busy).responses.create({ model: "sprout", input })).rejects.toThrow(RateLimitError);
  });

  it("throws for a failure in the middle of a stream, after the text that came before", async () => {
    const late = new ApiError({ status: 504, code: "timeout", message: "request timed out" });
    const stream = await clientOf(spoken.slice(0, 2), late).responses.create({ model: "sprout", input, stream: true });
    const seen: OpenAI.Responses.ResponseStreamEvent[] = [];
    const reading = (async () => {
      for await (const event of stream) seen.push(event);
    })();
    await expect(reading).rejects.toThrow(APIError);
    await expect(reading).rejects.toMatchObject({ code: "timeout", type: "timeout", message: "request timed out" });
    expect(seen.at(-1)).toMatchObject({ type: "response.failed", response: { status: "failed", error: { message: "request timed out" } } });
    expect(seen.find(({ type }) => type === "response.output_text.delta")).toMatchObject({ delta: "Par" });
    await expect(clientOf([], late).responses.stream({ model: "sprout", input }).finalResponse()).rejects.toMatchObject({
      code: "timeout",
    });
  });
});

async function gathered<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** Without what the helpers add to it. */
function plain(item: object): unknown {
  return JSON.parse(JSON.stringify(item, (key, value: unknown) => (key.startsWith("parsed") ? undefined : value)));
}
