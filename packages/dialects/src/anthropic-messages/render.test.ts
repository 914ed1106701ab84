import { describe, expect, it } from "vitest";
import { ApiError } from "../canonical/api-error.js";
import type { ChatEvent } from "../canonical/chat-event.js";
import type { RenderContext } from "../dialect.js";
import { someUsage } from "../testing/answers.js";
import { errorBody, messageBody, streamEvent } from "./answer-schema.js";
import { type AnthropicOptions, anthropicMessages } from "./index.js";

const context = (options: Partial<AnthropicOptions> = {}, receipt?: string): RenderContext<AnthropicOptions> => ({
  id: "7d9f",
  created_s: 1_700_000_000,
  model: 'my "sprout"',
  options: { excludeThinking: false, ...options },
  receipt: () => receipt,
});

const started: ChatEvent = { type: "started", promptTokens: 9, cachedPromptTokens: 4 };
const text = (value: string): ChatEvent => ({ type: "text", text: value, tokens: 1 });
const reasoning = (value: string): ChatEvent => ({ type: "reasoning", text: value, tokens: 1 });
const call = (index: number, fragment: string, opening: { id?: string; name?: string } = {}): ChatEvent => ({
  type: "tool_call",
  index,
  arguments: fragment,
  tokens: 1,
  ...opening,
});
const finish = (reason: "stop" | "length" | "tool_calls" | "cancelled" = "stop", stop?: string): ChatEvent => ({
  type: "finish",
  reason,
  ...(stop === undefined ? {} : { stop }),
  usage: someUsage,
});

/** Each event as its name and data; every one is held to the published schema. */
const eventsOf = (written: string) => {
  expect(written.endsWith("\n\n")).toBe(true);
  return written
    .slice(0, -2)
    .split("\n\n")
    .map((event) => {
      const [, name, data] = /^event: (.*)\ndata: (.*)$/.exec(event) ?? [];
      const parsed = streamEvent.parse(JSON.parse(String(data)));
      expect(parsed).toEqual(JSON.parse(String(data)));
      expect(name).toBe(parsed.type);
      return event;
    });
};
const stream = (events: readonly ChatEvent[], within = context()) => {
  const renderer = anthropicMessages.streamRenderer(within);
  return eventsOf(events.map((event) => renderer.event(event)).join("") + renderer.end());
};
const final = (events: readonly ChatEvent[], within = context()) => {
  const renderer = anthropicMessages.finalRenderer(within);
  for (const event of events) renderer.event(event);
  const result = renderer.result();
  expect(messageBody.parse(result)).toEqual(result);
  return result;
};

const sse = (name: string, fields: string) => `event: ${name}\ndata: {"type":"${name}"${fields === "" ? "" : `,${fields}`}}`;
const usage = (input: number, cached: number, output: number, thinking: number) =>
  `"usage":{"input_tokens":${input},"cache_creation_input_tokens":0,"cache_read_input_tokens":${cached},"output_tokens":${output},` +
  `"output_tokens_details":{"thinking_tokens":${thinking}},"server_tool_use":null`;
const start = (input = 5, cached = 4) =>
  sse(
    "message_start",
    '"message":{"id":"msg_7d9f","type":"message","role":"assistant","model":"my \\"sprout\\"","content":[],"stop_reason":null,' +
      `"stop_sequence":null,"stop_details":null,"container":null,"diagnostics":null,${usage(input, cached, 1, 0)},` +
      '"cache_creation":null,"inference_geo":null,"service_tier":"standard","speed":null}}',
  );
const ping = sse("ping", "");
const open = (index: number, block: string) => sse("content_block_start", `"index":${index},"content_block":${block}`);
const openText = (index: number) => open(index, '{"type":"text","text":"","citations":null}');
const openThinking = (index: number) => open(index, '{"type":"thinking","thinking":"","signature":""}');
const openCall = (index: number, id: string, name: string) =>
  open(index, `{"type":"tool_use","id":"${id}","name":"${name}","input":{},"caller":{"type":"direct"}}`);
const delta = (index: number, type: string, field: string, value: string) =>
  sse("content_block_delta", `"index":${index},"delta":{"type":"${type}","${field}":${JSON.stringify(value)}}`);
const textDelta = (index: number, value: string) => delta(index, "text_delta", "text", value);
const thinkingDelta = (index: number, value: string) => delta(index, "thinking_delta", "thinking", value);
const signature = (index: number) => delta(index, "signature_delta", "signature", "");
const jsonDelta = (index: number, value: string) => delta(index, "input_json_delta", "partial_json", value);
const close = (index: number) => sse("content_block_stop", `"index":${index}`);
const last = (reason: string, sequence = "null", more = "") =>
  sse(
    "message_delta",
    `"delta":{"stop_reason":"${reason}","stop_sequence":${sequence},"stop_details":null,"container":null},${usage(5, 4, 3, 1)}}${more}`,
  );
const stop = sse("message_stop", "");

describe("a streamed answer", () => {
  it("is a message with one block of text", () => {
    expect(stream([started, text("Hel"), text('lo "\n🌱'), finish()])).toEqual([
      start(),
      ping,
      openText(0),
      textDelta(0, "Hel"),
      textDelta(0, 'lo "\n🌱'),
      close(0),
      last("end_turn"),
      stop,
    ]);
  });

  it("does not know the prompt's length when the provider has not told it yet", () => {
    expect(stream([text("Hi"), finish()])[0]).toBe(start(0, 0));
  });

  it("thinks in a block of its own, which ends with an empty signature", () => {
    expect(stream([started, reasoning("h"), reasoning("m"), text("Hi"), finish()])).toEqual([
      start(),
      ping,
      openThinking(0),
      thinkingDelta(0, "h"),
      thinkingDelta(0, "m"),
      signature(0),
      close(0),
      openText(1),
      textDelta(1, "Hi"),
      close(1),
      last("end_turn"),
      stop,
    ]);
  });

  it("does not show thinking that its caller omits", () => {
    const events = [started, reasoning("hm"), text("Hi"), finish()];
    expect(stream(events, context({ excludeThinking: true }))).toEqual(stream([started, text("Hi"), finish()]));
  });

  it("streams a call and ends its block with its input", () => {
    expect(stream([started, text("Well."), call(0, '{"a', { id: "c0", name: "f" }), call(0, '":"}"}'), finish()])).toEqual([
      start(),
      ping,
      openText(0),
      textDelta(0, "Well."),
      close(0),
      openCall(1, "c0", "f"),
      jsonDelta(1, '{"a'),
      jsonDelta(1, '":"}"}'),
      close(1),
      last("tool_use"),
      stop,
    ]);
  });

  it("lets a call that interleaves with another wait for its end", () => {
    const events = [
      call(0, '{"a":', { id: "c0", name: "f" }),
      call(1, '{"b"', { id: "c1", name: "g" }),
      call(0, '{"x":[1]}'),
      call(1, ":2"),
      call(0, "}"),
      call(1, "}"),
    ];
    expect(stream([started, ...events, finish("tool_calls")])).toEqual([
      start(),
      ping,
      openCall(0, "c0", "f"),
      jsonDelta(0, '{"a":'),
      jsonDelta(0, '{"x":[1]}'),
      jsonDelta(0, "}"),
      close(0),
      openCall(1, "c1", "g"),
      jsonDelta(1, '{"b":2'),
      jsonDelta(1, "}"),
      close(1),
      last("tool_use"),
      stop,
    ]);
  });

  it("writes what waits for a call that never ended when the answer ends", () => {
    const events = [call(0, '{"a":', { id: "c0", name: "f" }), call(1, "{}", { id: "c1", name: "g" }), text("Hi"), finish("length")];
    expect(stream([started, ...events]).slice(2)).toEqual([
      openCall(0, "c0", "f"),
      jsonDelta(0, '{"a":'),
      close(0),
      openCall(1, "c1", "g"),
      jsonDelta(1, "{}"),
      close(1),
      openText(2),
      textDelta(2, "Hi"),
      close(2),
      last("max_tokens"),
      stop,
    ]);
  });

  it("names a call that came without an id, and drops what follows its input", () => {
    expect(stream([call(1, "{} and more", { name: "f" }), call(1, "!"), finish()]).slice(2, 5)).toEqual([
      openCall(0, "call_7d9f_1", "f"),
      jsonDelta(0, "{}"),
      close(0),
    ]);
  });

  it("says which stop sequence ended it", () => {
    expect(stream([started, text("Hi"), finish("stop", 'E"ND')]).at(-2)).toBe(last("stop_sequence", '"E\\"ND"'));
  });

  it("goes on with what its caller began, and says only what is new", () => {
    const { options } = anthropicMessages.parse({
      model: "sprout",
      max_tokens: 9,
      messages: [{ role: "assistant", content: "The answer is (" }],
    });
    expect(stream([started, text("B)"), finish()], context(options)).slice(2, -2)).toEqual([openText(0), textDelta(0, "B)"), close(0)]);
  });

  it("carries the receipt beside its usage", () => {
    const extras = ',"extras":{"receipt":"a.b.c","request_id":"7d9f"}';
    expect(stream([started, text("Hi"), finish()], context({}, "a.b.c")).at(-2)).toBe(last("end_turn", "null", extras));
  });

  it("of no content at all is an empty text", () => {
    expect(stream([started, text(""), reasoning(""), finish()])).toEqual([start(), ping, openText(0), close(0), last("end_turn"), stop]);
  });

  it("reads as ended when it was cancelled, because the dialect has no word for that", () => {
    expect(stream([started, text("Hi"), finish("cancelled")]).at(-2)).toBe(last("end_turn"));
  });

  it("is kept alive by pings, also before it begins, and not once it has ended", () => {
    const renderer = anthropicMessages.streamRenderer(context());
    expect(renderer.keepAlive()).toBe(`${ping}\n\n`);
    renderer.event(finish());
    renderer.end();
    expect(renderer.keepAlive()).toBe("");
  });

  it("that fails closes its block and ends with the error", () => {
    const renderer = anthropicMessages.streamRenderer(context());
    const error = new ApiError({ status: 502, code: "provider_error", message: "it broke" });
    const written = renderer.event(started) + renderer.event(text("Hi")) + renderer.error(error);
    expect(eventsOf(written)).toEqual([
      start(),
      ping,
      openText(0),
      textDelta(0, "Hi"),
      close(0),
      sse("error", '"error":{"type":"api_error","message":"it broke","code":"provider_error","param":null}'),
    ]);
  });
});

describe("an answer in one piece", () => {
  const content = (events: readonly ChatEvent[], within = context()) => (final(events, within) as { content: unknown }).content;
  const toolUse = (id: string, name: string, input: object) => ({ type: "tool_use", id, name, input, caller: { type: "direct" } });

  it("is a message", () => {
    expect(final([started, text("Hel"), text("lo"), finish()], context({}, "a.b.c"))).toEqual({
      id: "msg_7d9f",
      type: "message",
      role: "assistant",
      model: 'my "sprout"',
      content: [{ type: "text", text: "Hello", citations: null }],
      stop_reason: "end_turn",
      stop_sequence: null,
      stop_details: null,
      container: null,
      diagnostics: null,
      usage: {
        input_tokens: 5,
        cache_creation_input_tokens: 0,
        cache_read_input_tokens: 4,
        output_tokens: 3,
        output_tokens_details: { thinking_tokens: 1 },
        server_tool_use: null,
        cache_creation: null,
        inference_geo: null,
        service_tier: "standard",
        speed: null,
      },
      extras: { receipt: "a.b.c", request_id: "7d9f" },
    });
  });

  it("has its thinking, its text and its calls in that order", () => {
    const events = [
      call(4, '{"a":', { id: "c4", name: "f" }),
      call(1, "{}", { id: "c1", name: "g" }),
      call(4, "1}"),
      text("Hi"),
      reasoning("hm"),
    ];
    const blocks = [{ type: "text", text: "Hi", citations: null }, toolUse("c1", "g", {}), toolUse("c4", "f", { a: 1 })];
    expect(content([...events, finish()])).toEqual([{ type: "thinking", thinking: "hm", signature: "" }, ...blocks]);
    expect(content([...events, finish()], context({ excludeThinking: true }))).toEqual(blocks);
  });

  it.each(['{"a":', "[1]", "5", "", "nonsense"])("shows no input where a call's arguments are no object: %j", (fragment) => {
    expect(content([call(0, fragment, { id: "c", name: "f" }), finish()])).toEqual([toolUse("c", "f", {})]);
  });

  it.each<[ChatEvent, string, string | null]>([
    [finish(), "end_turn", null],
    [finish("stop", "END"), "stop_sequence", "END"],
    [finish("length"), "max_tokens", null],
    [finish("tool_calls"), "tool_use", null],
    [finish("cancelled"), "end_turn", null],
  ])("ended by %j stops for %s", (event, stop_reason, stop_sequence) => {
    expect(final([text("Hi"), event])).toMatchObject({ stop_reason, stop_sequence });
  });

  it("of no content at all is an empty text", () => {
    expect(content([finish()])).toEqual([{ type: "text", text: "", citations: null }]);
  });

  it("never counts more of a prompt as cached than there is", () => {
    const usage = { ...someUsage, promptTokens: 2, cachedPromptTokens: 7 };
    expect(final([{ type: "finish", reason: "stop", usage }])).toMatchObject({ usage: { input_tokens: 0, cache_read_input_tokens: 2 } });
  });
});

describe("a plain error", () => {
  const render = (init: ConstructorParameters<typeof ApiError>[0]) => {
    const body = anthropicMessages.renderError(new ApiError(init), "r1");
    expect(errorBody.parse(body)).toEqual(body);
    return body;
  };

  it.each([
    [400, "invalid_request_error"],
    [401, "authentication_error"],
    [402, "billing_error"],
    [403, "permission_error"],
    [404, "not_found_error"],
    [409, "conflict_error"],
    [413, "request_too_large"],
    [415, "invalid_request_error"],
    [429, "rate_limit_error"],
    [500, "api_error"],
    [502, "api_error"],
    [503, "overloaded_error"],
    [504, "timeout_error"],
  ])("of status %i has the type %s beside our own code", (status, type) => {
    expect(render({ status, code: "model_unavailable", message: "no" })).toEqual({
      type: "error",
      error: { type, message: "no", code: "model_unavailable", param: null },
      request_id: "r1",
    });
  });

  it.each([
    ["response_format", "output_config.format"],
    ["response_format.json_schema", "output_config.format.json_schema"],
    ["stop", "stop_sequences"],
    ["stop_sequences[0]", "stop_sequences[0]"],
    ["chat_template_kwargs", "thinking"],
    ["tools", "tools"],
  ])("names %s as its caller knows it: %s", (param, spelling) => {
    const refused = render({
      status: 400,
      code: "invalid_request_error",
      param,
      message: `${param}: the model cannot do what it asks for`,
    });
    expect(refused).toMatchObject({ error: { param: spelling, message: `${spelling}: the model cannot do what it asks for` } });
    expect(render({ status: 400, code: "invalid_request_error", param, message: "no" })).toMatchObject({
      error: { param: spelling, message: "no" },
    });
  });
});
