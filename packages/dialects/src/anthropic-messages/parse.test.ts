import { describe, expect, it } from "vitest";
import { ApiError } from "../canonical/api-error.js";
import { chatRequest } from "../canonical/chat-request.js";
import { CACHE_KEY_BYTES_MAX } from "../routing-hints.js";
import { anthropicCountTokens } from "./count-tokens.js";
import { ANTHROPIC_LIMITS } from "./limits.js";
import { parseMessages } from "./parse.js";

const hello = { role: "user", content: "Hello" };
const body = (fields: object = {}) => ({ model: "sprout", max_tokens: 4096, messages: [hello], ...fields });
const saying = (...messages: unknown[]) => body({ messages });
const requestOf = (json: unknown) => parseMessages(json).request;
const refusalOf = (json: unknown, parse: (json: unknown) => unknown = parseMessages): ApiError => {
  try {
    parse(json);
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error("the body was accepted");
};
const text = (value: string) => ({ type: "text", text: value });
const png = { type: "image", source: { type: "base64", media_type: "image/png", data: "AAAA" } };
const picture = { type: "image", mediaType: "image/png", base64: "AAAA" };
const tool = (name: string, more: object = {}) => ({ name, input_schema: { type: "object" }, ...more });
const called = (id = "t1") => ({ role: "assistant", content: [{ type: "tool_use", id, name: "f", input: { a: 1 } }] });
const result = (content: unknown, more: object = {}) => ({ type: "tool_result", tool_use_id: "t1", content, ...more });
const schema = { type: "object", properties: { city: { type: "string" } } };

describe("a request without wishes", () => {
  it("gets the defaults of the canonical request", () => {
    const parsed = parseMessages(body());
    const expected = { model: "sprout", maxOutputTokens: 4096, messages: [{ role: "user", content: [text("Hello")] }] };
    expect(parsed).toEqual({ request: chatRequest.parse(expected), stream: false, options: { excludeThinking: false } });
  });

  it("is the same when every optional field is null", () => {
    const fields = [
      ...["stream", "system", "tools", "tool_choice", "thinking", "output_config", "output_format", "stop_sequences", "temperature"],
      ...["top_p", "top_k", "metadata", "service_tier", "container", "mcp_servers", "context_management", "cache_control"],
      ...["inference_geo", "speed", "diagnostics", "fallbacks", "provider_serial", "provider_serials"],
    ];
    expect(parseMessages(body(Object.fromEntries(fields.map((name) => [name, null]))))).toEqual(parseMessages(body()));
  });

  it("is the same with what has no effect here or what nobody knows", () => {
    const cache_control = { type: "ephemeral", ttl: "1h" };
    const ignored = { service_tier: "auto", cache_control, inference_geo: "global", speed: "standard", mcp_servers: [], zzz: [1] };
    expect(parseMessages(body(ignored))).toEqual(parseMessages(body()));
    expect(parseMessages(saying({ role: "user", content: [{ ...text("Hello"), cache_control }] }))).toEqual(parseMessages(body()));
  });
});

describe("what is passed on", () => {
  const effort = (value: string) => ({ reasoning: { effort: value, exclude: false } });
  const enabled = (budget_tokens: number) => body({ max_tokens: 100_000, thinking: { type: "enabled", budget_tokens } });
  const format = { type: "json_schema", schema };
  const strict = { responseFormat: { type: "json_schema", name: "output", schema, strict: true } };

  it.each<[string, unknown, object]>([
    ["max_tokens", body({ max_tokens: 7 }), { maxOutputTokens: 7 }],
    ["temperature, top_p, top_k", body({ temperature: 1, top_p: 0, top_k: 40 }), { sampling: { temperature: 1, topP: 0, topK: 40 } }],
    ["stop_sequences", body({ stop_sequences: ["a", "b"] }), { stop: ["a", "b"] }],
    ["a small thinking budget", enabled(1024), { ...effort("low"), templateVariables: { enable_thinking: true } }],
    ["the largest small thinking budget", enabled(2047), effort("low")],
    ["a medium thinking budget", enabled(2048), effort("medium")],
    ["the largest medium thinking budget", enabled(8191), effort("medium")],
    ["a large thinking budget", enabled(8192), effort("high")],
    ["adaptive thinking", body({ thinking: { type: "adaptive" } }), { templateVariables: { enable_thinking: true } }],
    ["no thinking", body({ thinking: { type: "disabled" } }), { templateVariables: { enable_thinking: false } }],
    [
      "no thinking beside an effort, which would turn it on again",
      body({ thinking: { type: "disabled" }, output_config: { effort: "high" } }),
      { reasoning: { exclude: false }, templateVariables: { enable_thinking: false } },
    ],
    ["output_config.effort", body({ output_config: { effort: "low" } }), effort("low")],
    ["an effort above those that models know", body({ output_config: { effort: "max" } }), effort("high")],
    [
      "an effort beside a budget",
      body({ thinking: { type: "enabled", budget_tokens: 1024 }, output_config: { effort: "high" } }),
      effort("high"),
    ],
    ["output_config.format", body({ output_config: { format } }), strict],
    ["output_format", body({ output_format: format }), strict],
    [
      "tool_choice auto",
      body({ tools: [tool("f")], tool_choice: { type: "auto" } }),
      { toolChoice: { type: "auto" }, parallelToolCalls: true },
    ],
    ["tool_choice any", body({ tools: [tool("f")], tool_choice: { type: "any" } }), { toolChoice: { type: "required" } }],
    ["tool_choice none", body({ tools: [tool("f")], tool_choice: { type: "none" } }), { toolChoice: { type: "none" } }],
    [
      "tool_choice tool",
      body({ tools: [tool("f")], tool_choice: { type: "tool", name: "f", disable_parallel_tool_use: true } }),
      { toolChoice: { type: "named", name: "f" }, parallelToolCalls: false },
    ],
    [
      "tools",
      body({
        tools: [
          tool("f", { type: "custom", description: "d", strict: true, input_examples: [{ city: "Rome" }], allowed_callers: ["direct"] }),
          tool("g", { input_schema: schema, cache_control: { type: "ephemeral" }, eager_input_streaming: true, defer_loading: false }),
        ],
      }),
      {
        tools: [
          { name: "f", description: "d", parameters: { type: "object", examples: [{ city: "Rome" }] }, strict: true },
          { name: "g", parameters: schema },
        ],
      },
    ],
  ])("%s", (_name, json, expected) => {
    expect(requestOf(json)).toMatchObject(expected);
  });

  it("is also how the answer is wanted", () => {
    const parsed = parseMessages(body({ stream: true, thinking: { type: "adaptive", display: "omitted" } }));
    expect(parsed).toMatchObject({ stream: true, options: { excludeThinking: true }, request: { reasoning: { exclude: true } } });
  });

  it("is which machines may serve it, and which requests it may share a prefix with", () => {
    const pins = { provider_serial: " m1 ", provider_serials: ["m2", "", "m1"] };
    expect(parseMessages(body({ ...pins, metadata: { user_id: "u1" } })).routing).toEqual({ providers: ["m1", "m2"], cacheKey: "u1" });
    expect(parseMessages(body({ metadata: { user_id: "u".repeat(CACHE_KEY_BYTES_MAX) } })).routing?.cacheKey).toHaveLength(
      CACHE_KEY_BYTES_MAX,
    );
    expect(parseMessages(body({ metadata: { user_id: "u".repeat(CACHE_KEY_BYTES_MAX + 1) } })).routing).toBeUndefined();
    expect(parseMessages(body({ metadata: { user_id: "" } })).routing).toBeUndefined();
  });
});

describe("messages", () => {
  const messagesOf = (json: unknown) => requestOf(json).messages;

  it.each(["One\nTwo", [text("One"), text("Two")]])("begin with the system prompt: %j", (system) => {
    expect(messagesOf(body({ system }))).toEqual([
      { role: "system", content: [text("One\nTwo")] },
      { role: "user", content: [text("Hello")] },
    ]);
  });

  it("may hold system messages in their midst", () => {
    expect(messagesOf(saying(hello, { role: "system", content: "Be brief." }, hello))[1]).toEqual({
      role: "system",
      content: [text("Be brief.")],
    });
  });

  it("show text, images and documents as they come", () => {
    const content = [
      text("See"),
      text(""),
      png,
      { type: "document", title: "T", context: "C", source: { type: "text", media_type: "text/plain", data: "D" } },
      { type: "document", title: "T", source: { type: "content", content: [text("E"), png] } },
      { type: "document", source: { type: "content", content: "F" }, citations: { enabled: false } },
      { type: "search_result", title: "T", source: "http://x", content: [text("G")] },
    ];
    expect(messagesOf(saying({ role: "user", content }))).toEqual([
      {
        role: "user",
        content: [text("See"), picture, text("T\nC\nD"), text("T\n"), text("E"), picture, text("F"), text("T\nhttp://x\nG")],
      },
    ]);
  });

  it("of the assistant hold text, reasoning and calls", () => {
    const content = [
      { type: "thinking", thinking: "hm", signature: "abc" },
      { type: "redacted_thinking", data: "xyz" },
      text("Let me see."),
      { type: "tool_use", id: "t1", name: "f", input: { a: [1] } },
    ];
    expect(messagesOf(saying(hello, { role: "assistant", content }, { role: "user", content: [result("ok")] })).slice(1)).toEqual([
      { role: "assistant", content: [text("Let me see.")], reasoning: "hm", toolCalls: [{ id: "t1", name: "f", arguments: '{"a":[1]}' }] },
      { role: "tool", content: [text("ok")], toolCallId: "t1" },
    ]);
  });

  it.each<[string, unknown[], unknown[]]>([
    ["a text", [result("ok")], [{ role: "tool", content: [text("ok")], toolCallId: "t1" }]],
    ["nothing", [{ type: "tool_result", tool_use_id: "t1" }], [{ role: "tool", content: [], toolCallId: "t1" }]],
    ["blocks", [result([text("a"), text("b")])], [{ role: "tool", content: [text("a\nb")], toolCallId: "t1" }]],
    ["an error", [result("broke", { is_error: true })], [{ role: "tool", content: [text("Error: broke")], toolCallId: "t1" }]],
    [
      "an image, which joins the user's words after it",
      [text("Look."), result([text("a"), png])],
      [
        { role: "tool", content: [text("a")], toolCallId: "t1" },
        { role: "user", content: [text("Look."), picture] },
      ],
    ],
  ])("give a tool's result before all else: %s", (_name, content, expected) => {
    expect(messagesOf(saying(hello, called(), { role: "user", content })).slice(2)).toEqual(expected);
  });
});

describe("a last message of the assistant", () => {
  const begun = (content: unknown, fields: object = {}) => body({ messages: [hello, { role: "assistant", content }], ...fields });

  it("is the beginning of the answer", () => {
    const { messages, continueFinalMessage } = requestOf(begun("The answer is ("));
    expect(continueFinalMessage).toBe(true);
    expect(messages.at(-1)).toEqual({ role: "assistant", content: [text("The answer is (")], toolCalls: [] });
  });

  it.each(["", []].map((content) => [content]))("that is empty begins nothing: %j", (content) => {
    expect(parseMessages(begun(content))).toEqual(parseMessages(body()));
  });

  it.each<[string, unknown, string]>([
    ["that ends in white space", begun("So "), "messages[1].content"],
    ["that waits for a tool", saying(hello, called()), "messages[1].content"],
    ["that is all there is, and empty", saying({ role: "assistant", content: "" }), "messages[0].content"],
    ["beside a demanded call", begun("So", { tools: [tool("f")], tool_choice: { type: "any" } }), "messages[1].role"],
    ["beside thinking", begun("So", { thinking: { type: "adaptive" } }), "messages[1].role"],
    ["beside a format", begun("So", { output_config: { format: { type: "json_schema", schema } } }), "messages[1].role"],
  ])("%s is refused", (_name, json, param) => {
    expect(refusalOf(json)).toMatchObject({ status: 400, code: "invalid_request_error", param });
  });
});

describe("a refusal names the parameter and what was expected", () => {
  const part = (...content: unknown[]) => saying(hello, { role: "user", content });

  it.each<[unknown, string, string]>([
    [body({ model: undefined }), "model", "model is required"],
    [body({ model: "" }), "model", "model is required"],
    [body({ max_tokens: undefined }), "max_tokens", "max_tokens is required"],
    [body({ max_tokens: 0 }), "max_tokens", "max_tokens: expected at least 1"],
    [body({ max_tokens: 1.5 }), "max_tokens", "max_tokens: expected an integer, got a number"],
    [body({ messages: undefined }), "messages", "messages is required"],
    [body({ messages: [] }), "messages", "messages: expected at least 1 item"],
    [body({ messages: "Hello" }), "messages", "messages: expected an array, got a string"],
    [saying({ role: "tool", content: "" }), "messages[0].role", 'messages[0].role: expected one of "user", "assistant", "system"'],
    [saying({ role: "user" }), "messages[0].content", "messages[0].content is required"],
    [part({ type: "text" }), "messages[1].content[0].text", "messages[1].content[0].text is required"],
    [
      part({ type: "container_upload", file_id: "f" }),
      "messages[1].content[0].type",
      'messages[1].content[0].type: expected one of "text", "image", "document", "search_result", "tool_result"',
    ],
    [
      saying({ role: "assistant", content: [{ type: "server_tool_use" }] }),
      "messages[0].content[0].type",
      'messages[0].content[0].type: expected one of "text", "thinking", "redacted_thinking", "tool_use"',
    ],
    [
      part({ ...png, source: { type: "base64", media_type: "image/bmp", data: "AAAA" } }),
      "messages[1].content[0].source.media_type",
      "messages[1].content[0].source.media_type: expected image/png, image/jpeg, image/webp or image/gif",
    ],
    [
      part({ ...png, source: { type: "base64", media_type: "image/png", data: "?" } }),
      "messages[1].content[0].source.data",
      "messages[1].content[0].source.data: expected standard base64 data",
    ],
    [
      part({ type: "document", source: { type: "base64", media_type: "application/pdf", data: "AAAA" } }),
      "messages[1].content[0].source.type",
      'messages[1].content[0].source.type: expected one of "text", "content", "url", "file"',
    ],
    [
      part({ type: "document", source: { type: "text", data: "D" }, citations: { enabled: true } }),
      "messages[1].content[0].citations.enabled",
      'messages[1].content[0].citations.enabled: expected "false"',
    ],
    [
      part(result("ok")),
      "messages[1].content[0].tool_use_id",
      "messages[1].content[0].tool_use_id: expected the id of a tool_use in the assistant's last message",
    ],
    [body({ temperature: 1.1 }), "temperature", "temperature: expected at most 1"],
    [body({ top_p: -0.1 }), "top_p", "top_p: expected at least 0"],
    [body({ top_k: -1 }), "top_k", "top_k: expected at least 0"],
    [body({ stop_sequences: "a" }), "stop_sequences", "stop_sequences: expected an array, got a string"],
    [body({ stop_sequences: [""] }), "stop_sequences[0]", "stop_sequences[0]: expected at least 1 character"],
    [body({ stream: "yes" }), "stream", "stream: expected a boolean, got a string"],
    [
      body({ thinking: { type: "enabled", budget_tokens: 1023 } }),
      "thinking.budget_tokens",
      "thinking.budget_tokens: expected at least 1024",
    ],
    [
      body({ thinking: { type: "enabled", budget_tokens: 4096 } }),
      "thinking.budget_tokens",
      "thinking.budget_tokens: expected less than max_tokens",
    ],
    [body({ thinking: { type: "between_tools" } }), "thinking.type", 'thinking.type: expected one of "enabled", "adaptive", "disabled"'],
    [body({ tools: [{ type: "web_search_20250305", name: "web_search" }] }), "tools[0].type", 'tools[0].type: expected "custom"'],
    [body({ tools: [{ name: "f" }] }), "tools[0].input_schema", "tools[0].input_schema is required"],
    [body({ tools: [tool("a b")] }), "tools[0].name", "tools[0].name: expected 1 to 128 letters, digits, underscores or dashes"],
    [body({ tools: [tool("f"), tool("f")] }), "tools[1].name", "tools[1].name: expected a name that no other tool has"],
    [body({ tools: [tool("f", { defer_loading: true })] }), "tools[0].defer_loading", 'tools[0].defer_loading: expected "false"'],
    [
      body({ tools: [tool("f", { allowed_callers: ["code_execution_20250825"] })] }),
      "tools[0].allowed_callers[0]",
      'tools[0].allowed_callers[0]: expected "direct"',
    ],
    [body({ tool_choice: { type: "any" } }), "tool_choice", "tool_choice is only allowed with tools"],
    [
      body({ tool_choice: { type: "tool", name: "g" }, tools: [tool("f")] }),
      "tool_choice.name",
      "tool_choice.name: expected the name of one of the tools",
    ],
    [body({ speed: "fast" }), "speed", 'speed: expected "standard"'],
    [
      body({ output_config: { format: { type: "json_schema", schema } }, output_format: { type: "json_schema", schema } }),
      "output_format",
      "output_format cannot be used together with output_config.format",
    ],
    [body({ provider_serial: 5 }), "provider_serial", "provider_serial must be a string or array of strings"],
    [body({ provider_serials: ["m1", 5] }), "provider_serials", "provider_serials must contain only strings"],
    [body({ provider_serials: [] }), "provider_serials", "provider_serials must include at least one provider serial"],
  ])("%j", (json, param, message) => {
    const error = refusalOf(json);
    const { status, type, code } = error;
    expect({ status, type, code, param: error.param, message: error.message }).toEqual({
      status: 400,
      type: "invalid_request_error",
      code: "invalid_request_error",
      param,
      message,
    });
  });

  it.each<[object, string]>([
    [{ container: "c1" }, "container"],
    [{ mcp_servers: [{ type: "url", name: "m", url: "http://x" }] }, "mcp_servers"],
    [{ context_management: { edits: [] } }, "context_management"],
    [{ diagnostics: { previous_message_id: "msg_1" } }, "diagnostics"],
    [{ fallbacks: ["m"] }, "fallbacks"],
    [{ inference_geo: "us" }, "inference_geo"],
    [{ output_config: { task_budget: { type: "tokens", total: 9 } } }, "output_config.task_budget"],
  ])("and does not overlook a wish that it cannot fulfil: %j", (fields, param) => {
    const refusal = { status: 400, type: "invalid_request_error", code: "unsupported_parameter", param };
    expect(refusalOf(body(fields))).toMatchObject({ ...refusal, message: `${param} is not supported` });
  });

  it.each([
    { type: "image", source: { type: "url", url: "https://example.com/cat.png" } },
    { type: "image", source: { type: "file", file_id: "file_1" } },
    { type: "document", source: { type: "url", url: "https://example.com/a.pdf" } },
  ])("and says that nothing is fetched: %j", (block) => {
    const refusal = { status: 400, type: "invalid_request_error", code: "remote_media_not_supported" };
    expect(refusalOf(part(block))).toMatchObject({ ...refusal, param: "messages[1].content[0].source" });
    expect(refusalOf(saying(hello, called(), { role: "user", content: [result([block])] }))).toMatchObject({
      ...refusal,
      param: "messages[2].content[0].content[0].source",
    });
  });

  it("without quoting the caller", () => {
    const secret = "my secret diary";
    const bodies = [
      saying({ role: secret, content: secret }),
      part({ type: secret, text: secret }),
      part({ ...png, source: { type: "base64", media_type: secret, data: secret } }),
      part(result(secret, { tool_use_id: secret })),
      body({ stop_sequences: [secret, 1], thinking: { type: secret } }),
      body({ tools: [tool(secret)], tool_choice: { type: "tool", name: secret } }),
    ];
    for (const json of bodies) expect(`${refusalOf(json).message} ${refusalOf(json).param}`).not.toContain("secret");
  });
});

describe("limits", () => {
  const { images_max, messages_max, tools_max, stop_max, stopLength_max, modelName_max } = ANTHROPIC_LIMITS;
  const repeat = <Value>(count: number, value: (index: number) => Value) => Array.from({ length: count }, (_, index) => value(index));

  it.each<[string, (count: number) => unknown, number, string]>([
    ["images", (count) => saying({ role: "user", content: repeat(count, () => png) }), images_max, "messages"],
    ["messages", (count) => saying(...repeat(count, () => hello)), messages_max, "messages"],
    ["tools", (count) => body({ tools: repeat(count, (index) => tool(`f${index}`)) }), tools_max, "tools"],
    ["stop sequences", (count) => body({ stop_sequences: repeat(count, (index) => `s${index}`) }), stop_max, "stop_sequences"],
    ["characters in a stop sequence", (count) => body({ stop_sequences: ["x".repeat(count)] }), stopLength_max, "stop_sequences[0]"],
    ["characters in a model's name", (count) => body({ model: "m".repeat(count) }), modelName_max, "model"],
  ])("of %s hold", (_name, build, limit, param) => {
    expect(() => parseMessages(build(limit))).not.toThrow();
    expect(refusalOf(build(limit + 1))).toMatchObject({ status: 400, code: "invalid_request_error", param });
  });
});

describe("counting tokens", () => {
  it("takes the body of a message without a bound on its answer", () => {
    const prompt = { model: "sprout", system: "Be brief.", messages: [hello], tools: [tool("f")] };
    const { maxOutputTokens: _, ...request } = requestOf({ ...prompt, max_tokens: 9 });
    expect(anthropicCountTokens.parse(prompt)).toEqual(request);
  });

  it("refuses what a message refuses", () => {
    expect(refusalOf({ model: "sprout", messages: [] }, anthropicCountTokens.parse)).toMatchObject({ status: 400, param: "messages" });
  });

  it("answers with the estimate", () => {
    expect(anthropicCountTokens.schemas.answer.parse(anthropicCountTokens.render(7))).toEqual({ input_tokens: 7 });
  });
});
