import Anthropic, {
  APIError,
  AuthenticationError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
} from "@anthropic-ai/sdk";
import { describe, expect, it } from "vitest";
import { ApiError } from "../canonical/api-error.js";
import type { ChatEvent } from "../canonical/chat-event.js";
import { estimatePromptTokens } from "../canonical/estimate.js";
import { someUsage } from "../testing/answers.js";
import { createDialectClientFetch } from "../testing/client-fetch.js";
import { anthropicCountTokens, anthropicMessages } from "./index.js";

const ask = { model: "sprout", max_tokens: 100, messages: [{ role: "user" as const, content: "What is the capital of France?" }] };
const started: ChatEvent = { type: "started", promptTokens: 9, cachedPromptTokens: 4 };
const spoken: ChatEvent[] = [
  started,
  { type: "reasoning", text: "Easy.", tokens: 1 },
  { type: "text", text: "Par", tokens: 1 },
  { type: "text", text: "is 🌱", tokens: 2 },
  { type: "finish", reason: "stop", stop: "END", usage: someUsage },
];
const called: ChatEvent[] = [
  started,
  { type: "text", text: "Let me see.", tokens: 1 },
  { type: "tool_call", index: 0, id: "c0", name: "look_up", arguments: '{"place":', tokens: 1 },
  { type: "tool_call", index: 1, id: "c1", name: "look_up", arguments: '{"place":"Rome"}', tokens: 1 },
  { type: "tool_call", index: 0, arguments: '"Paris"}', tokens: 1 },
  { type: "finish", reason: "tool_calls", usage: someUsage },
];

/** The official client over a server that is nothing but this dialect: what it sends is parsed, what it gets is rendered. */
function clientOf(events: readonly ChatEvent[], failure?: ApiError) {
  const answer = createDialectClientFetch(anthropicMessages, failure === undefined ? { events } : { events, failure });
  return new Anthropic({
    apiKey: "x",
    baseURL: "http://x",
    maxRetries: 0,
    fetch: async (url, init) => {
      if (!String(url).endsWith("/v1/messages/count_tokens")) {
        expect(String(url)).toBe("http://x/v1/messages");
        return answer(url, init);
      }
      const asked = anthropicCountTokens.parse(JSON.parse(String(init?.body)));
      return Response.json(anthropicCountTokens.render(estimatePromptTokens(asked)));
    },
  });
}

describe("the official client", () => {
  it("gets a message", async () => {
    const message = await clientOf(spoken).messages.create(ask);
    expect(message).toMatchObject({ id: "msg_1", type: "message", role: "assistant", model: "sprout" });
    expect(message.content).toMatchObject([
      { type: "thinking", thinking: "Easy." },
      { type: "text", text: "Paris 🌱" },
    ]);
    expect(message).toMatchObject({ stop_reason: "stop_sequence", stop_sequence: "END" });
    expect(message.usage).toMatchObject({ input_tokens: 5, cache_read_input_tokens: 4, output_tokens: 3 });
  });

  it("iterates the events of a stream", async () => {
    const types: string[] = [];
    for await (const event of await clientOf(spoken).messages.create({ ...ask, stream: true })) types.push(event.type);
    expect(types[0]).toBe("message_start");
    expect(types.at(-1)).toBe("message_stop");
    expect(types.filter((type) => type === "content_block_start")).toHaveLength(2);
  });

  it("puts a stream together with its own helper as it would get it in one piece", async () => {
    for (const events of [spoken, called]) {
      const client = clientOf(events);
      const streamed = await client.messages.stream(ask).finalMessage();
      expect(streamed).toEqual({ ...(await client.messages.create(ask)), parsed_output: streamed.parsed_output });
    }
  });

  it("hears text and thinking as they are said", async () => {
    const said = { text: "", thinking: "" };
    const stream = clientOf(spoken).messages.stream(ask);
    stream.on("text", (delta) => {
      said.text += delta;
    });
    stream.on("thinking", (delta) => {
      said.thinking += delta;
    });
    await stream.done();
    expect(said).toEqual({ text: "Paris 🌱", thinking: "Easy." });
  });

  it("reads the input of every call", async () => {
    const message = await clientOf(called).messages.stream(ask).finalMessage();
    expect(message.stop_reason).toBe("tool_use");
    const inputs = message.content.flatMap((block) => (block.type === "tool_use" ? [block.input] : []));
    expect(inputs).toEqual([{ place: "Paris" }, { place: "Rome" }]);
  });

  it.each(['{"place":"Par', '{"place":', "nonsense", ""])("survives a call that was cut off: %j", async (fragment) => {
    const events: ChatEvent[] = [
      { type: "tool_call", index: 0, id: "c0", name: "look_up", arguments: fragment, tokens: 1 },
      { type: "finish", reason: "length", usage: someUsage },
    ];
    expect(await clientOf(events).messages.stream(ask).finalMessage()).toMatchObject({
      content: [{ type: "tool_use", id: "c0", input: {} }],
      stop_reason: "max_tokens",
    });
  });

  it("gives an answer back with the results of its calls", async () => {
    const { content } = await clientOf(called).messages.create(ask);
    const results = content.flatMap((block) =>
      block.type === "tool_use" ? [{ type: "tool_result" as const, tool_use_id: block.id, content: "found" }] : [],
    );
    const messages = [...ask.messages, { role: "assistant" as const, content }, { role: "user" as const, content: results }];
    expect(await clientOf(spoken).messages.create({ ...ask, messages })).toMatchObject({ type: "message" });
  });

  it("sends the whole conversation when it hears that none is kept", async () => {
    const refused = await clientOf(spoken)
      .beta.messages.create({ ...ask, thread: { type: "create" } })
      .catch((error: unknown) => error);
    expect(refused).toMatchObject({ status: 400, error: { error: { param: "thread", code: "unsupported_parameter" } } });
    const message = await clientOf(spoken).beta.messages.toolRunner({ ...ask, tools: [] });
    expect(message.content).toContainEqual(expect.objectContaining({ type: "text", text: "Paris 🌱" }));
  });

  it("counts tokens", async () => {
    const { max_tokens: _, ...prompt } = ask;
    expect((await clientOf([]).messages.countTokens(prompt)).input_tokens).toBeGreaterThan(0);
  });

  it("throws its typed error with the parameter", async () => {
    const refused = clientOf(spoken).messages.create({ ...ask, max_tokens: 0 });
    await expect(refused).rejects.toThrow(BadRequestError);
    await expect(refused).rejects.toMatchObject({
      status: 400,
      type: "invalid_request_error",
      apiMessage: "max_tokens: expected at least 1",
      error: { error: { code: "invalid_request_error", param: "max_tokens" }, request_id: "req-1" },
    });
  });

  it.each([
    [401, "authentication_error", AuthenticationError],
    [402, "billing_error", APIError],
    [403, "permission_error", PermissionDeniedError],
    [404, "not_found_error", NotFoundError],
    [429, "rate_limit_error", RateLimitError],
    [500, "api_error", InternalServerError],
    [503, "overloaded_error", APIError],
  ] as const)("throws for status %i what it knows as %s", async (status, type, errorClass) => {
    const failed = clientOf(spoken, new ApiError({ status, code: "internal_error", message: "no" })).messages.create(ask);
    await expect(failed).rejects.toThrow(errorClass);
    await expect(failed).rejects.toMatchObject({ status, type });
  });

  it("throws for a failure in the middle of a stream, after the text that came before", async () => {
    const late = new ApiError({ status: 504, code: "timeout", message: "request timed out" });
    let text = "";
    const stream = clientOf(spoken.slice(0, 3), late).messages.stream(ask);
    stream.on("text", (delta) => {
      text += delta;
    });
    const failed = stream.finalMessage();
    await expect(failed).rejects.toThrow(APIError);
    await expect(failed).rejects.toMatchObject({ type: "timeout_error", apiMessage: "request timed out" });
    expect(text).toBe("Par");
  });
});
