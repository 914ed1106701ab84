import { describe, expect, it } from "vitest";
import { ApiError } from "../canonical/api-error.js";
import { CHOICES_MAX, chatRequest } from "../canonical/chat-request.js";
import { JSON_DEPTH_MAX } from "../canonical/json-depth.js";
import { OPENAI_LIMITS } from "../openai/limits.js";
import { CACHE_KEY_BYTES_MAX } from "../routing-hints.js";
import { parseOpenAiChat } from "./parse.js";

const hello = { role: "user", content: "Hello" };
const body = (fields: object = {}) => ({ model: "sprout", messages: [hello], ...fields });
const saying = (...messages: unknown[]) => body({ messages });
const requestOf = (json: unknown) => parseOpenAiChat(json).request;
const refusalOf = (json: unknown): ApiError => {
  try {
    parseOpenAiChat(json);
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error("the body was accepted");
};
const image = (url: string) => ({ type: "image_url", image_url: { url } });
const png = "data:image/png;base64,AAAA";
const tool = (name: string) => ({ type: "function", function: { name, parameters: { type: "object" } } });

describe("a request without wishes", () => {
  it("gets the defaults of the canonical request", () => {
    const { request, stream, options } = parseOpenAiChat(body());
    expect(request).toEqual(
      chatRequest.parse({ model: "sprout", messages: [{ role: "user", content: [{ type: "text", text: "Hello" }] }] }),
    );
    expect(stream).toBe(false);
    expect(options).toEqual({ includeUsage: false, excludeReasoning: false, legacyFunctionCall: false, choices: 1 });
  });

  it("is the same when every optional field is null, as typed clients send it", () => {
    const fields = [
      ...["stream", "stream_options", "n", "max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k", "min_p", "seed"],
      ...["frequency_penalty", "presence_penalty", "repetition_penalty", "logit_bias", "stop", "logprobs", "top_logprobs", "tools"],
      ...["tool_choice", "parallel_tool_calls", "functions", "function_call", "response_format", "reasoning_effort", "reasoning"],
      ...["chat_template_kwargs", "modalities", "provider_serial"],
    ];
    expect(parseOpenAiChat(body(Object.fromEntries(fields.map((name) => [name, null]))))).toEqual(parseOpenAiChat(body()));
  });

  it("ignores fields that have no effect here or that nobody knows", () => {
    const ignored = {
      metadata: { a: "b" },
      store: true,
      service_tier: "auto",
      prediction: {},
      zzz: [1],
    };
    expect(parseOpenAiChat(body(ignored))).toEqual(parseOpenAiChat(body()));
  });

  it("leaves sampling that was not asked for absent, so that a model's defaults can be laid under it", () => {
    expect(Object.keys(requestOf(body({ temperature: null, top_p: 0.5 })).sampling)).toEqual(["topP"]);
  });
});

describe("what is passed on", () => {
  it("carries every sampling field", () => {
    const { sampling, stop, maxOutputTokens, topLogprobs } = requestOf(
      body({
        ...{ temperature: 2, top_p: 0, top_k: 40, min_p: 0.05, seed: -3, frequency_penalty: -2, presence_penalty: 2 },
        ...{ repetition_penalty: 1.1, logit_bias: { "50256": -100 }, stop: ["a", "b"], max_tokens: 7, logprobs: true, top_logprobs: 20 },
      }),
    );
    expect(sampling).toEqual({
      ...{ temperature: 2, topP: 0, topK: 40, minP: 0.05, seed: -3, frequencyPenalty: -2, presencePenalty: 2 },
      ...{ repetitionPenalty: 1.1, logitBias: { "50256": -100 } },
    });
    expect({ stop, maxOutputTokens, topLogprobs }).toEqual({ stop: ["a", "b"], maxOutputTokens: 7, topLogprobs: 20 });
  });

  it.each([
    [{ max_tokens: 5, max_completion_tokens: 9 }, { maxOutputTokens: 9 }],
    [{ max_completion_tokens: null, max_tokens: 5 }, { maxOutputTokens: 5 }],
    [{ stop: "END" }, { stop: ["END"] }],
    [{ top_k: -1 }, { sampling: { topK: 0 } }],
    [{ logprobs: true }, { topLogprobs: 0 }],
    [{ n: 1 }, { choices: 1 }],
    [{ reasoning: { effort: "low" } }, { reasoning: { effort: "low", exclude: false } }],
    [{ reasoning: { effort: "low", exclude: true }, reasoning_effort: "high" }, { reasoning: { effort: "high", exclude: true } }],
    [{ n: 3 }, { choices: 3 }],
    [{ chat_template_kwargs: { enable_thinking: false } }, { templateVariables: { enable_thinking: false } }],
    [{ response_format: { type: "json_object" } }, { responseFormat: { type: "json_object" } }],
    [
      { response_format: { type: "json_schema", json_schema: { name: "n", schema: { type: "object" } } } },
      { responseFormat: { type: "json_schema", name: "n", schema: { type: "object" }, strict: false } },
    ],
  ])("reads %j as %j", (fields, expected) => {
    expect(requestOf(body(fields))).toMatchObject(expected);
  });

  it("is also how the answer is wanted", () => {
    expect(parseOpenAiChat(body({ stream: true, stream_options: { include_usage: true }, reasoning: { exclude: true } }))).toMatchObject({
      stream: true,
      options: { includeUsage: true, excludeReasoning: true, legacyFunctionCall: false },
    });
  });
});

describe("the choice of machine", () => {
  it.each([
    [{ provider_serial: " m1 " }, ["m1"]],
    [{ provider_serial: ["m1", "m2"], provider_serials: ["m2", "", "m3"] }, ["m1", "m2", "m3"]],
  ])("is pinned by %j", (fields, providers) => {
    expect(parseOpenAiChat(body(fields)).routing).toEqual({ providers });
  });

  it.each([
    [{ provider_serial: 5 }, "provider_serial", "provider_serial must be a string or array of strings"],
    [{ provider_serials: ["m1", 5] }, "provider_serials", "provider_serials must contain only strings"],
    [{ provider_serials: [" "] }, "provider_serials", "provider_serials must include at least one provider serial"],
  ])("refuses pins that are none: %j", (fields, param, message) => {
    expect(refusalOf(body(fields))).toMatchObject({ status: 400, param, message });
  });

  it("knows prompts that begin alike by the caller's key, else by its user", () => {
    const longest = "é".repeat(CACHE_KEY_BYTES_MAX / 2);
    const keyOf = (fields: object) => parseOpenAiChat(body(fields)).routing?.cacheKey;
    expect(keyOf({ prompt_cache_key: longest, user: "u" })).toBe(longest);
    expect(keyOf({ prompt_cache_key: `${longest}x`, user: "u" })).toBe("u");
    expect(keyOf({ prompt_cache_key: "" })).toBeUndefined();
  });
});

describe("messages", () => {
  it("are lowered role by role", () => {
    const { messages } = requestOf(
      saying(
        { role: "system", content: "One" },
        { role: "developer", content: [{ type: "text", text: "Two" }], name: "dev" },
        { role: "user", content: [{ type: "text", text: "Three" }, image(png), { type: "image_url", image_url: png }], name: "ada" },
        {
          role: "assistant",
          content: null,
          reasoning_content: "hm",
          tool_calls: [{ id: "c1", type: "function", function: { name: "f", arguments: "{}" } }],
        },
        { role: "tool", content: "Four", tool_call_id: "c1" },
        { role: "assistant", content: [{ type: "refusal", refusal: "No" }] },
        { role: "assistant", content: null, refusal: "Never" },
        { role: "user", content: null },
        { role: "user", content: "" },
      ),
    );
    const text = (value: string) => ({ type: "text", text: value });
    const picture = { type: "image", mediaType: "image/png", base64: "AAAA" };
    expect(messages).toEqual([
      { role: "system", content: [text("One")] },
      { role: "system", content: [text("Two")], name: "dev" },
      { role: "user", content: [text("Three"), picture, picture], name: "ada" },
      { role: "assistant", content: [], reasoning: "hm", toolCalls: [{ id: "c1", name: "f", arguments: "{}" }] },
      { role: "tool", content: [text("Four")], toolCallId: "c1" },
      { role: "assistant", content: [text("No")], toolCalls: [] },
      { role: "assistant", content: [text("Never")], toolCalls: [] },
      { role: "user", content: [] },
      { role: "user", content: [] },
    ]);
  });

  it("of the legacy form keep each result with its own call", () => {
    const { messages } = requestOf(
      saying(
        { role: "assistant", content: null, function_call: { name: "f", arguments: "1" } },
        { role: "function", name: "f", content: "first" },
        { role: "assistant", content: null, function_call: { name: "f", arguments: "2" } },
        { role: "function", name: "f", content: "second" },
      ),
    );
    const ids = messages.map((message) =>
      message.role === "assistant" ? message.toolCalls[0]?.id : "toolCallId" in message && message.toolCallId,
    );
    expect(ids[0]).toBe(ids[1]);
    expect(ids[2]).toBe(ids[3]);
    expect(ids[0]).not.toBe(ids[2]);
  });
});

describe("tools", () => {
  it("are lowered with their choice", () => {
    const request = requestOf(
      body({
        tools: [{ type: "function", function: { name: "f", description: "d", parameters: { type: "object" }, strict: true } }, tool("g")],
        tool_choice: { type: "function", function: { name: "g" } },
        parallel_tool_calls: false,
      }),
    );
    expect(request).toMatchObject({
      tools: [
        { name: "f", description: "d", parameters: { type: "object" }, strict: true },
        { name: "g", parameters: { type: "object" } },
      ],
      toolChoice: { type: "named", name: "g" },
      parallelToolCalls: false,
    });
  });

  it("of the legacy form become tools of which one is called at a time", () => {
    const parsed = parseOpenAiChat(body({ functions: [{ name: "f" }], function_call: { name: "f" } }));
    expect(parsed.request).toMatchObject({ tools: [{ name: "f" }], toolChoice: { type: "named", name: "f" }, parallelToolCalls: false });
    expect(parsed.options.legacyFunctionCall).toBe(true);
  });

  it("may be chosen automatically or not at all even when there are none", () => {
    const only = (mode: string, ...names: string[]) => ({
      tools: [tool("f"), tool("g")],
      tool_choice: {
        type: "allowed_tools",
        allowed_tools: { mode, tools: names.map((name) => ({ type: "function", function: { name } })) },
      },
    });
    const { tools, toolChoice } = requestOf(body(only("required", "g")));
    expect([tools.map(({ name }) => name), toolChoice]).toEqual([["g"], { type: "required" }]);
    expect(() => requestOf(body(only("auto", "g", "h")))).toThrow(
      expect.objectContaining({ status: 400, param: "tool_choice.allowed_tools.tools[1].function.name" }),
    );
    expect(requestOf(body({ tool_choice: "none" })).toolChoice).toEqual({ type: "none" });
    expect(requestOf(body({ tools: [], tool_choice: "auto" })).toolChoice).toEqual({ type: "auto" });
  });
});

describe("a refusal names the parameter and what was expected", () => {
  const part = (...parts: unknown[]) => saying(hello, hello, { role: "user", content: parts });
  const assistant = (fields: object) => saying({ role: "assistant", content: null, ...fields });
  const format = (json_schema: unknown) => body({ response_format: { type: "json_schema", json_schema } });

  it.each<[unknown, string, string]>([
    [body({ model: undefined }), "model", "model is required"],
    [body({ model: "" }), "model", "model is required"],
    [body({ model: 3 }), "model", "model is required"],
    [body({ messages: undefined }), "messages", "messages is required"],
    [body({ messages: [] }), "messages", "messages is required"],
    [body({ messages: "Hello" }), "messages", "messages: expected an array, got a string"],
    [saying("Hello"), "messages[0]", "messages[0]: expected an object, got a string"],
    [
      saying(hello, { role: "robot", content: "" }),
      "messages[1].role",
      'messages[1].role: expected one of "system", "developer", "user", "assistant", "tool", "function"',
    ],
    [saying({ role: "user" }), "messages[0].content", "messages[0].content is required"],
    [saying({ role: "user", content: 5 }), "messages[0].content", "messages[0].content: expected a string or an array"],
    [saying({ role: "tool", content: "" }), "messages[0].tool_call_id", "messages[0].tool_call_id is required"],
    [part({ type: "text" }), "messages[2].content[0].text", "messages[2].content[0].text is required"],
    [
      part({ type: "input_audio", input_audio: {} }),
      "messages[2].content[0].type",
      'messages[2].content[0].type: expected one of "text", "image_url"',
    ],
    [part({ type: "image_url" }), "messages[2].content[0].image_url", "messages[2].content[0].image_url is required"],
    [
      part({ type: "image_url", image_url: "data:image/bmp;base64,AAAA" }),
      "messages[2].content[0].image_url",
      "messages[2].content[0].image_url: expected a data: URI of image/png, image/jpeg, image/webp or image/gif",
    ],
    [
      part({ type: "text", text: "" }, image("data:image/png;base64,?")),
      "messages[2].content[1].image_url.url",
      "messages[2].content[1].image_url.url: expected a data: URI with standard base64 data",
    ],
    [saying({ role: "system", content: [image(png)] }), "messages[0].content[0].type", 'messages[0].content[0].type: expected "text"'],
    [
      assistant({ tool_calls: [{ id: "c", function: { name: "f", arguments: {} } }] }),
      "messages[0].tool_calls[0].function.arguments",
      "messages[0].tool_calls[0].function.arguments: expected a string, got an object",
    ],
    [body({ temperature: 2.1 }), "temperature", "temperature: expected at most 2"],
    [body({ temperature: -0.1 }), "temperature", "temperature: expected at least 0"],
    [body({ temperature: "hot" }), "temperature", "temperature: expected a number, got a string"],
    [body({ top_p: 1.01 }), "top_p", "top_p: expected at most 1"],
    [body({ presence_penalty: 2.5 }), "presence_penalty", "presence_penalty: expected at most 2"],
    [body({ frequency_penalty: -2.5 }), "frequency_penalty", "frequency_penalty: expected at least -2"],
    [body({ repetition_penalty: 0 }), "repetition_penalty", "repetition_penalty: expected more than 0"],
    [body({ seed: 1.5 }), "seed", "seed: expected an integer, got a number"],
    [body({ max_tokens: 0 }), "max_tokens", "max_tokens: expected at least 1"],
    [body({ max_tokens: -5 }), "max_tokens", "max_tokens: expected at least 1"],
    [body({ max_tokens: 1.5 }), "max_tokens", "max_tokens: expected an integer, got a number"],
    [body({ max_tokens: "9" }), "max_tokens", "max_tokens: expected a number, got a string"],
    [body({ max_tokens: 9, max_completion_tokens: 0 }), "max_completion_tokens", "max_completion_tokens: expected at least 1"],
    [body({ n: CHOICES_MAX + 1 }), "n", "n: expected at most 8"],
    [body({ n: 0 }), "n", "n: expected at least 1"],
    [body({ stream: "yes" }), "stream", "stream: expected a boolean, got a string"],
    [body({ stream_options: { include_usage: true } }), "stream_options", "stream_options is only allowed with stream"],
    [body({ top_logprobs: 2 }), "top_logprobs", "top_logprobs is only allowed with logprobs"],
    [body({ logprobs: true, top_logprobs: 21 }), "top_logprobs", "top_logprobs: expected at most 20"],
    [body({ stop: ["a", "b", "c", "d", "e"] }), "stop", "stop: expected at most 4 items"],
    [body({ stop: ["a", 1] }), "stop[1]", "stop[1]: expected a string, got a number"],
    [body({ stop: "" }), "stop", "stop: expected at least 1 character"],
    [body({ stop: 1 }), "stop", "stop: expected a string or an array"],
    [body({ logit_bias: { "7": 101 } }), "logit_bias", "logit_bias: expected at most 1024 token ids, each with a number from -100 to 100"],
    [body({ logit_bias: { cat: 1 } }), "logit_bias", "logit_bias: expected at most 1024 token ids, each with a number from -100 to 100"],
    [body({ modalities: ["text", "audio"] }), "modalities[1]", 'modalities[1]: expected "text"'],
    [body({ tools: [{ type: "custom", custom: {} }] }), "tools[0].type", 'tools[0].type: expected "function"'],
    [
      body({ tools: [tool("a b")] }),
      "tools[0].function.name",
      "tools[0].function.name: expected 1 to 128 letters, digits, underscores, dots or dashes",
    ],
    [body({ tools: [tool("f"), tool("f")] }), "tools[1].function.name", "tools[1].function.name: expected a name that no other tool has"],
    [body({ tool_choice: "required" }), "tool_choice", "tool_choice is only allowed with tools"],
    [body({ tool_choice: "maybe" }), "tool_choice", 'tool_choice: expected one of "none", "auto", "required"'],
    [body({ tool_choice: { type: "function" } }), "tool_choice.function", "tool_choice.function is required"],
    [
      body({ tools: [tool("f")], tool_choice: { type: "function", function: { name: "g" } } }),
      "tool_choice",
      "tool_choice: expected the name of one of the tools",
    ],
    [body({ tools: [tool("f")], functions: [{ name: "g" }] }), "functions", "functions cannot be used together with tools"],
    [
      body({ response_format: { type: "xml" } }),
      "response_format.type",
      'response_format.type: expected one of "text", "json_object", "json_schema"',
    ],
    [format({ name: "n" }), "response_format.json_schema.schema", "response_format.json_schema.schema is required"],
    [
      format({ name: "n", schema: [] }),
      "response_format.json_schema.schema",
      "response_format.json_schema.schema: expected an object, got an array",
    ],
    [body({ chat_template_kwargs: "x" }), "chat_template_kwargs", "chat_template_kwargs: expected an object, got a string"],
  ])("%j", (json, param, message) => {
    const { status, type, code, ...error } = refusalOf(json);
    expect({ status, type, code, param: error.param, message: refusalOf(json).message }).toEqual({
      status: 400,
      type: "invalid_request_error",
      code: "invalid_request_error",
      param,
      message,
    });
  });

  it.each(["https://example.com/cat.png", "file:///etc/passwd"])("and says that %s is never fetched", (url) => {
    expect(refusalOf(part(image(url)))).toMatchObject({
      status: 400,
      type: "invalid_request_error",
      code: "remote_media_not_supported",
      param: "messages[2].content[0].image_url.url",
    });
  });

  it.each([
    ["audio", { voice: "alloy" }],
    ["moderation", { model: "m" }],
    ["web_search_options", {}],
  ])("and what cannot be honoured: %s", (name, value) => {
    expect(refusalOf(body({ [name]: value }))).toMatchObject({ status: 400, code: "unsupported_parameter", param: name });
  });

  it("and the keyword of a strict schema that cannot be enforced", () => {
    const schema = { type: "object", properties: { a: { type: "string", pattern: "^a" } } };
    const param = "response_format.json_schema.schema.properties.a.pattern";
    const asked = (strict: boolean) => body({ response_format: { type: "json_schema", json_schema: { name: "n", schema, strict } } });
    expect(refusalOf(asked(true))).toMatchObject({ status: 400, code: "unsupported_parameter", param });
    expect(requestOf(asked(false)).responseFormat).toMatchObject({ schema });
    const tools = (strict: boolean) => body({ tools: [{ type: "function", function: { name: "f", parameters: schema, strict } }] });
    expect(refusalOf(tools(true))).toMatchObject({ param: "tools[0].function.parameters.properties.a.pattern" });
    expect(requestOf(tools(false)).tools).toMatchObject([{ parameters: schema }]);
  });

  it.each([
    [null, "null"],
    [[], "an array"],
    ["text", "a string"],
  ])("unless the body is no object at all: %j", (json, got) => {
    expect(refusalOf(json)).toMatchObject({ status: 400, param: undefined, message: `request body: expected an object, got ${got}` });
  });

  it("without quoting the caller", () => {
    const secret = "my secret diary";
    const bodies = [
      saying({ role: secret, content: secret }),
      saying({ role: "user", content: [{ type: secret, text: secret }] }),
      part(image(secret)),
      body({ stop: [secret, 1], temperature: secret, logit_bias: { [secret]: secret }, response_format: { type: secret } }),
      body({ tools: [tool(secret)], tool_choice: { type: "function", function: { name: secret } } }),
    ];
    for (const json of bodies) expect(`${refusalOf(json).message} ${refusalOf(json).param}`).not.toContain("secret");
  });
});

describe("limits", () => {
  const { images_max, messages_max, tools_max, stopLength_max, logitBias_max, modelName_max } = OPENAI_LIMITS;
  const repeat = <Value>(count: number, value: (index: number) => Value) => Array.from({ length: count }, (_, index) => value(index));
  const biased = (count: number) => ({ logit_bias: Object.fromEntries(repeat(count, (index) => [String(index), 1])) });
  const nested = (levels: number) => JSON.parse(`${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`) as unknown;

  it.each<[string, (count: number) => unknown, number, string | undefined]>([
    ["images", (count) => saying(...repeat(count, () => ({ role: "user", content: [image(png)] }))), images_max, "messages"],
    ["messages", (count) => saying(...repeat(count, () => hello)), messages_max, "messages"],
    ["tools", (count) => body({ tools: repeat(count, (index) => tool(`f${index}`)) }), tools_max, "tools"],
    ["functions", (count) => body({ functions: repeat(count, (index) => ({ name: `f${index}` })) }), tools_max, "functions"],
    ["characters in a stop text", (count) => body({ stop: "x".repeat(count) }), stopLength_max, "stop"],
    ["biased tokens", (count) => body(biased(count)), logitBias_max, "logit_bias"],
    ["characters in a model's name", (count) => body({ model: "m".repeat(count) }), modelName_max, "model"],
    ["nested levels", (count) => body({ chat_template_kwargs: nested(count - 1) }), JSON_DEPTH_MAX, undefined],
  ])("of %s hold", (_name, build, limit, param) => {
    expect(() => parseOpenAiChat(build(limit))).not.toThrow();
    expect(refusalOf(build(limit + 1))).toMatchObject({ status: 400, code: "invalid_request_error", param });
  });
});
