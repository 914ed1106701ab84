import { describe, expect, it } from "vitest";
import { chatRequest } from "../canonical/chat-request.js";
import { CACHE_KEY_BYTES_MAX } from "../routing-hints.js";
import { parseResponses } from "./parse.js";

const body = (fields: object = {}) => ({ model: "sprout", input: "Hello", ...fields });
const requestOf = (json: unknown) => parseResponses(json).request;
const settingsOf = (fields: object) => parseResponses(body(fields)).options.settings;
const schema = { type: "object", properties: { a: { type: "string" } } };
const tool = (name: string) => ({ type: "function", name, parameters: schema });
const jsonFormat = { type: "json_schema", name: "n", schema };

describe("a request without wishes", () => {
  it("gets the defaults of the canonical request", () => {
    const { request, stream, options } = parseResponses(body());
    expect(request).toEqual(
      chatRequest.parse({ model: "sprout", messages: [{ role: "user", content: [{ type: "text", text: "Hello" }] }] }),
    );
    expect({ stream, excludeReasoning: options.excludeReasoning }).toEqual({ stream: false, excludeReasoning: false });
  });

  it("is the same when every optional field is null, as typed clients send it", () => {
    const fields = [
      ...["instructions", "stream", "stream_options", "max_output_tokens", "temperature", "top_p", "top_k", "min_p", "seed", "stop"],
      ...["frequency_penalty", "presence_penalty", "repetition_penalty", "logit_bias", "top_logprobs", "include", "tools", "tool_choice"],
      ...["parallel_tool_calls", "max_tool_calls", "text", "reasoning", "chat_template_kwargs", "metadata", "store", "background"],
      ...["truncation", "service_tier", "safety_identifier", "prompt_cache_key", "user", "provider_serial", "provider_serials"],
      ...["previous_response_id", "conversation", "prompt", "context_management", "moderation", "n", "max_tokens"],
    ];
    expect(parseResponses(body(Object.fromEntries(fields.map((name) => [name, null]))))).toEqual(parseResponses(body()));
  });

  it.each([
    { store: true },
    { store: false },
    { stream_options: { include_obfuscation: true } },
    { include: ["reasoning.encrypted_content", "file_search_call.results"] },
    { truncation: "auto" },
    { service_tier: "priority" },
    { safety_identifier: "s" },
    { max_tool_calls: 3 },
    { text: { verbosity: "low" } },
    { reasoning: { context: "auto", mode: "standard" } },
    { background: false },
    { prompt_cache_options: {}, prompt_cache_retention: "24h" },
    { zzz: [1] },
  ])("ignores what has no effect here: %j", (fields) => {
    expect(parseResponses(body(fields))).toEqual(parseResponses(body()));
  });
});

describe("what is passed on", () => {
  it("carries every sampling field", () => {
    const { sampling, stop, maxOutputTokens } = requestOf(
      body({
        ...{ temperature: 2, top_p: 0, top_k: 40, min_p: 0.05, seed: -3, frequency_penalty: -2, presence_penalty: 2 },
        ...{ repetition_penalty: 1.1, logit_bias: { "50256": -100 }, stop: ["a", "b"], max_output_tokens: 7 },
      }),
    );
    expect(sampling).toEqual({
      ...{ temperature: 2, topP: 0, topK: 40, minP: 0.05, seed: -3, frequencyPenalty: -2, presencePenalty: 2 },
      ...{ repetitionPenalty: 1.1, logitBias: { "50256": -100 } },
    });
    expect({ stop, maxOutputTokens }).toEqual({ stop: ["a", "b"], maxOutputTokens: 7 });
  });

  it.each([
    [{ include: ["message.output_text.logprobs"] }, { topLogprobs: 0 }],
    [{ include: ["message.output_text.logprobs"], top_logprobs: 20 }, { topLogprobs: 20 }],
    [{ top_logprobs: 2 }, { topLogprobs: 2 }],
    [{ reasoning: { effort: "low", summary: "auto" } }, { reasoning: { effort: "low", exclude: false } }],
    [{ reasoning: { exclude: true } }, { reasoning: { exclude: true } }],
    [{ chat_template_kwargs: { enable_thinking: false } }, { templateVariables: { enable_thinking: false } }],
    [{ text: { format: { type: "text" } } }, { responseFormat: { type: "text" } }],
    [{ text: { format: { type: "json_object" } } }, { responseFormat: { type: "json_object" } }],
    [{ text: { format: jsonFormat } }, { responseFormat: { ...jsonFormat, strict: false } }],
    [
      { text: { format: { ...jsonFormat, description: "d", strict: true } } },
      { responseFormat: { type: "json_schema", name: "n", schema, strict: true } },
    ],
    [{ parallel_tool_calls: false }, { parallelToolCalls: false }],
  ])("understands %j", (fields, expected) => {
    expect(requestOf(body(fields))).toMatchObject(expected);
  });

  it("asks for no log-probabilities unless the caller does", () => {
    expect(requestOf(body({ top_logprobs: 0 }))).not.toHaveProperty("topLogprobs");
  });

  it("streams when asked to", () => {
    expect(parseResponses(body({ stream: true })).stream).toBe(true);
  });

  it("tells the renderers to leave reasoning out", () => {
    expect(parseResponses(body({ reasoning: { exclude: true } })).options.excludeReasoning).toBe(true);
  });
});

describe("routing", () => {
  it.each([
    [{ provider_serial: "mach_1" }, { providers: ["mach_1"] }],
    [{ provider_serial: " mach_1 ", provider_serials: ["mach_2", "mach_1"] }, { providers: ["mach_1", "mach_2"] }],
    [{ prompt_cache_key: "k", user: "u" }, { cacheKey: "k" }],
    [{ user: "u" }, { cacheKey: "u" }],
    [{ prompt_cache_key: "k".repeat(CACHE_KEY_BYTES_MAX + 1), user: "u" }, { cacheKey: "u" }],
  ])("takes %j", (fields, expected) => {
    expect(parseResponses(body(fields)).routing).toEqual(expected);
  });
});

describe("tools", () => {
  const canonical = (name: string) => ({ name, parameters: schema });

  it("are functions, in either spelling", () => {
    const { tools } = requestOf(
      body({
        tools: [
          { ...tool("a"), description: "d", strict: true },
          { name: "b" },
          { type: "function", function: { name: "c", parameters: schema, strict: false } },
        ],
      }),
    );
    expect(tools).toEqual([
      { name: "a", description: "d", parameters: schema, strict: true },
      { name: "b" },
      { ...canonical("c"), strict: false },
    ]);
  });

  it.each([
    ["auto", { type: "auto" }],
    ["none", { type: "none" }],
    ["required", { type: "required" }],
    [
      { type: "function", name: "a" },
      { type: "named", name: "a" },
    ],
    [
      { type: "function", function: { name: "a" } },
      { type: "named", name: "a" },
    ],
  ])("are chosen by %j", (tool_choice, expected) => {
    expect(requestOf(body({ tools: [tool("a"), tool("b")], tool_choice }))).toMatchObject({
      tools: [canonical("a"), canonical("b")],
      toolChoice: expected,
    });
  });

  it.each(["auto", "required"])("are only those that the choice allows: %s", (mode) => {
    const tool_choice = { type: "allowed_tools", mode, tools: [{ type: "function", name: "b" }] };
    expect(requestOf(body({ tools: [tool("a"), tool("b")], tool_choice }))).toMatchObject({
      tools: [canonical("b")],
      toolChoice: { type: mode },
    });
  });
});

describe("what the answer says again", () => {
  it("is nothing but defaults without wishes", () => {
    expect(settingsOf({})).toEqual({
      ...{ instructions: null, max_output_tokens: null, metadata: {}, parallel_tool_calls: true, prompt_cache_key: null },
      ...{ reasoning: { effort: null, summary: null }, temperature: null, text: { format: { type: "text" } }, tool_choice: "auto" },
      ...{ tools: [], top_logprobs: 0, top_p: null },
    });
  });

  it.each([
    [{ instructions: "Be brief." }, { instructions: "Be brief." }],
    [{ max_output_tokens: 5, temperature: 0, top_p: 0.5, top_logprobs: 2 }, {}],
    [{ metadata: { a: "b" }, parallel_tool_calls: false, prompt_cache_key: "k" }, {}],
    [{ reasoning: { effort: "low", summary: "concise" } }, {}],
    [{ reasoning: { generate_summary: "auto" } }, { reasoning: { effort: null, summary: "auto" } }],
    [{ text: { format: jsonFormat, verbosity: "low" } }, { text: { format: { ...jsonFormat, strict: false } } }],
    [{ text: { format: { ...jsonFormat, description: "d", strict: true } } }, {}],
    [{ tools: [tool("a")] }, { tools: [{ ...tool("a"), description: null, strict: false }] }],
    [
      { tools: [{ type: "function", function: { name: "a", description: "d", strict: true } }] },
      { tools: [{ type: "function", name: "a", description: "d", parameters: null, strict: true }] },
    ],
    [{ tools: [tool("a")], tool_choice: { type: "function", function: { name: "a" } } }, { tool_choice: { type: "function", name: "a" } }],
    [
      { tools: [tool("a"), tool("b")], tool_choice: { type: "allowed_tools", mode: "auto", tools: [{ type: "function", name: "a" }] } },
      { tools: [expect.objectContaining({ name: "a" }), expect.objectContaining({ name: "b" })] },
    ],
  ])("is %j", (fields, differently) => {
    expect(settingsOf(fields)).toMatchObject({ ...fields, ...differently });
  });
});
