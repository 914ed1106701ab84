import { describe, expect, it } from "vitest";
import { ApiError } from "../canonical/api-error.js";
import type { ChatEvent, TokenLogprob } from "../canonical/chat-event.js";
import type { RenderContext } from "../dialect.js";
import { someUsage } from "../testing/answers.js";
import { type OpenAiChatOptions, openaiChat } from "./index.js";

const plain: OpenAiChatOptions = { includeUsage: false, excludeReasoning: false, legacyFunctionCall: false, choices: 1 };
const context = (options: Partial<OpenAiChatOptions> = {}, receipt?: string): RenderContext<OpenAiChatOptions> => ({
  id: "7d9f",
  created_s: 1_700_000_000,
  model: 'my "sprout"',
  options: { ...plain, ...options },
  receipt: () => receipt,
});

const text = (value: string, logprobs?: TokenLogprob[]): ChatEvent => ({
  type: "text",
  text: value,
  tokens: 1,
  ...(logprobs === undefined ? {} : { logprobs }),
});
const call = (index: number, fragment: string, opening: { id?: string; name?: string } = {}): ChatEvent => ({
  type: "tool_call",
  index,
  arguments: fragment,
  tokens: 1,
  ...opening,
});
const finish = (reason: "stop" | "length" | "tool_calls" | "cancelled" = "stop"): ChatEvent => ({
  type: "finish",
  reason,
  usage: someUsage,
});

const envelope = '"id":"chatcmpl-7d9f","object":"chat.completion.chunk","created":1700000000,"model":"my \\"sprout\\""';
const chunk = (delta: string) => `data: {${envelope},"choices":[{"index":0,"delta":${delta},"logprobs":null,"finish_reason":null}]}`;
const role = chunk('{"role":"assistant","content":""}');
const usage =
  '"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":1}}';
const finished = (reason: string, more: string) =>
  `data: {${envelope},"choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"${reason}"}]${more}}`;
const done = "data: [DONE]";

const eventsOf = (written: string) => {
  expect(written.endsWith("\n\n")).toBe(true);
  return written.slice(0, -2).split("\n\n");
};
const stream = (events: readonly ChatEvent[], within = context()) => {
  const renderer = openaiChat.streamRenderer(within);
  return eventsOf(events.map((event) => renderer.event(event)).join("") + renderer.end());
};
const final = (events: readonly ChatEvent[], within = context()) => {
  const renderer = openaiChat.finalRenderer(within);
  for (const event of events) renderer.event(event);
  return renderer.result();
};
const choice = (message: object, more: object = {}) => ({
  choices: [{ index: 0, message: { role: "assistant", refusal: null, ...message }, logprobs: null, finish_reason: "stop", ...more }],
});

describe("a streamed answer", () => {
  it("is a role chunk with the first content, text, and a finish chunk with the usage", () => {
    expect(stream([{ type: "started", promptTokens: 9, cachedPromptTokens: 4 }, text("Hel"), text('lo "\n🌱'), finish()])).toEqual([
      role,
      chunk('{"content":"Hel"}'),
      chunk('{"content":"lo \\"\\n🌱"}'),
      finished("stop", `,${usage}`),
      done,
    ]);
  });

  it("has its usage on a chunk without choices, and none on the finish chunk, when that was asked for", () => {
    expect(stream([text("Hi"), finish("length")], context({ includeUsage: true }))).toEqual([
      role,
      chunk('{"content":"Hi"}'),
      finished("length", ""),
      `data: {${envelope},"choices":[],${usage}}`,
      done,
    ]);
  });

  it("carries the receipt on its last chunk", () => {
    const extras = ',"extras":{"receipt":"a.b.c","request_id":"7d9f"}';
    expect(stream([text("Hi"), finish()], context({}, "a.b.c")).at(-2)).toBe(finished("stop", `,${usage}${extras}`));
    expect(stream([text("Hi"), finish()], context({ includeUsage: true }, "a.b.c")).slice(-3)).toEqual([
      finished("stop", ""),
      `data: {${envelope},"choices":[],${usage}${extras}}`,
      done,
    ]);
  });

  it("says reasoning in both spellings, or not at all when the caller excludes it", () => {
    const events: ChatEvent[] = [{ type: "reasoning", text: "hm", tokens: 1 }, text("Hi"), finish()];
    expect(stream(events)[1]).toBe(chunk('{"reasoning_content":"hm","reasoning":"hm"}'));
    expect(stream(events, context({ excludeReasoning: true }))).toEqual([
      role,
      chunk('{"content":"Hi"}'),
      finished("stop", `,${usage}`),
      done,
    ]);
  });

  it("opens each tool call with its id and name, then sends fragments, also when calls interleave or leave gaps", () => {
    const events = [
      call(2, "{", { id: "c2", name: "f" }),
      call(0, "", { id: "c0", name: "g" }),
      call(2, "}"),
      call(0, "{}"),
      finish("stop"),
    ];
    expect(stream(events)).toEqual([
      role,
      chunk('{"tool_calls":[{"index":2,"id":"c2","type":"function","function":{"name":"f","arguments":"{"}}]}'),
      chunk('{"tool_calls":[{"index":0,"id":"c0","type":"function","function":{"name":"g","arguments":""}}]}'),
      chunk('{"tool_calls":[{"index":2,"function":{"arguments":"}"}}]}'),
      chunk('{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}'),
      finished("tool_calls", `,${usage}`),
      done,
    ]);
  });

  it("names a call that came without an id", () => {
    expect(stream([call(1, "{}", { name: "f" }), finish()])[1]).toContain('"id":"call_7d9f_1"');
  });

  it("answers a caller of the legacy form with the first call only", () => {
    const events = [call(1, "{", { id: "c1", name: "f" }), call(0, "{}", { id: "c0", name: "g" }), call(1, "}"), finish("tool_calls")];
    expect(stream(events, context({ legacyFunctionCall: true }))).toEqual([
      role,
      chunk('{"function_call":{"name":"f","arguments":"{"}}'),
      chunk('{"function_call":{"arguments":"}"}}'),
      finished("function_call", `,${usage}`),
      done,
    ]);
  });

  it("carries log-probabilities with the text they belong to, even where a token has no text yet", () => {
    const token = { token: "H", logprob: -0.5, bytes: [72], top: [{ token: "J", logprob: -1, bytes: [74] }] };
    const logprobs =
      '{"content":[{"token":"H","logprob":-0.5,"bytes":[72],"top_logprobs":[{"token":"J","logprob":-1,"bytes":[74]}]}],"refusal":null}';
    expect(stream([text("", [token]), finish()])[1]).toBe(
      `data: {${envelope},"choices":[{"index":0,"delta":{"content":""},"logprobs":${logprobs},"finish_reason":null}]}`,
    );
  });

  it("skips events that have nothing to show", () => {
    expect(stream([text(""), { type: "reasoning", text: "", tokens: 1 }, text("Hi"), text(""), finish()])).toHaveLength(4);
  });

  it("of no content at all still has a role and a finish", () => {
    expect(stream([finish()])).toEqual([role, finished("stop", `,${usage}`), done]);
  });

  it("reads as ended when it was cancelled, because the dialect has no word for that", () => {
    expect(stream([text("Hi"), finish("cancelled")]).at(-2)).toContain('"finish_reason":"stop"');
  });

  it("of several answers opens and finishes each, and has the usage of all on the last chunk", () => {
    const both: ChatEvent[] = [
      { type: "text", text: "B", tokens: 1, choice: 1 },
      text("A"),
      { type: "tool_call", index: 0, name: "f", arguments: "{}", tokens: 1, choice: 1 },
      { type: "text", text: "nobody asked", tokens: 1, choice: 2 },
      { type: "finish", reason: "length", choices: [{ reason: "length" }, { reason: "stop" }], usage: someUsage },
    ];
    const of = (index: number, line: string) => line.replace('"index":0', `"index":${index}`);
    const called = chunk('{"tool_calls":[{"index":0,"id":"call_7d9f_1_0","type":"function","function":{"name":"f","arguments":"{}"}}]}');
    expect(stream(both, context({ choices: 2 }))).toEqual([
      of(1, role),
      of(1, chunk('{"content":"B"}')),
      role,
      chunk('{"content":"A"}'),
      called.replace('"choices":[{"index":0', '"choices":[{"index":1'),
      finished("length", ""),
      of(1, finished("tool_calls", `,${usage}`)),
      done,
    ]);
    expect(final(both, context({ choices: 2 }))).toMatchObject({
      choices: [
        { index: 0, message: { content: "A" }, finish_reason: "length" },
        { index: 1, message: { content: "B", tool_calls: [{ id: "call_7d9f_1_0" }] }, finish_reason: "tool_calls" },
      ],
    });
  });

  it("that fails ends with the error and the terminator", () => {
    const renderer = openaiChat.streamRenderer(context());
    const written = renderer.event(text("Hi")) + renderer.error(new ApiError({ status: 502, code: "provider_error", message: "it broke" }));
    expect(eventsOf(written).slice(2)).toEqual([
      'data: {"error":{"message":"it broke","type":"provider_error","code":"provider_error","param":null}}',
      done,
    ]);
  });
});

describe("an answer in one piece", () => {
  it("is a chat.completion", () => {
    expect(final([text("Hel"), text("lo"), finish()], context({}, "a.b.c"))).toEqual({
      id: "chatcmpl-7d9f",
      object: "chat.completion",
      created: 1_700_000_000,
      model: 'my "sprout"',
      ...choice({ content: "Hello" }),
      usage: {
        prompt_tokens: 9,
        completion_tokens: 3,
        total_tokens: 12,
        prompt_tokens_details: { cached_tokens: 4 },
        completion_tokens_details: { reasoning_tokens: 1 },
      },
      extras: { receipt: "a.b.c", request_id: "7d9f" },
    });
  });

  it("has no extras without a receipt", () => {
    expect(final([text("Hi"), finish()])).not.toHaveProperty("extras");
  });

  it("has empty content when nothing was said", () => {
    expect(final([finish("length")])).toMatchObject(choice({ content: "" }, { finish_reason: "length" }));
  });

  it("has null content beside tool calls, which stand in order of their indices", () => {
    const events = [call(4, "{", { id: "c4", name: "f" }), call(1, "{}", { id: "c1", name: "g" }), call(4, "}"), finish()];
    const tool_calls = [
      { id: "c1", type: "function", function: { name: "g", arguments: "{}" } },
      { id: "c4", type: "function", function: { name: "f", arguments: "{}" } },
    ];
    expect(final(events)).toMatchObject(choice({ content: null, tool_calls }, { finish_reason: "tool_calls" }));
    expect(final([text("Let me see."), ...events])).toMatchObject(
      choice({ content: "Let me see.", tool_calls }, { finish_reason: "tool_calls" }),
    );
  });

  it("keeps the reason of an answer that was cut in the middle of a call", () => {
    expect(final([call(0, "{", { id: "c", name: "f" }), finish("length")])).toMatchObject({ choices: [{ finish_reason: "length" }] });
  });

  it("says reasoning in both spellings, or not at all when the caller excludes it", () => {
    const events: ChatEvent[] = [{ type: "reasoning", text: "hm", tokens: 1 }, text("Hi"), finish()];
    expect(final(events)).toMatchObject(choice({ content: "Hi", reasoning: "hm", reasoning_content: "hm" }));
    expect(JSON.stringify(final(events, context({ excludeReasoning: true })))).not.toContain("hm");
  });

  it("gathers the log-probabilities of all tokens", () => {
    const token = (value: string): TokenLogprob => ({ token: value, logprob: -1, bytes: [], top: [] });
    expect(final([text("a", [token("a")]), text("bc", [token("b"), token("c")]), finish()])).toMatchObject({
      choices: [{ logprobs: { content: ["a", "b", "c"].map((value) => ({ token: value, top_logprobs: [] })), refusal: null } }],
    });
  });

  it("answers a caller of the legacy form with the first call only", () => {
    const events = [call(1, "{}", { id: "c1", name: "f" }), call(0, "{}", { id: "c0", name: "g" }), finish()];
    const function_call = { name: "f", arguments: "{}" };
    const expected = choice({ content: null, function_call }, { finish_reason: "function_call" });
    expect(final(events, context({ legacyFunctionCall: true }))).toMatchObject(expected);
  });
});

describe("a plain error", () => {
  it("is OpenAI's envelope with the request's id", () => {
    const error = new ApiError({ status: 402, code: "insufficient_quota", type: "insufficient_funds", message: "too low" });
    expect(openaiChat.renderError(error, "r1")).toEqual({
      error: { message: "too low", type: "insufficient_funds", code: "insufficient_quota", param: null, request_id: "r1" },
    });
  });

  it("names its parameter", () => {
    const error = new ApiError({ status: 400, code: "invalid_request_error", param: "n", message: "n > 1 is not supported" });
    expect(openaiChat.renderError(error, "r1")).toMatchObject({ error: { param: "n" } });
  });
});
