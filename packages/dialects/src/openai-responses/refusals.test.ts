import { describe, expect, it } from "vitest";
import { ApiError } from "../canonical/api-error.js";
import { JSON_DEPTH_MAX } from "../canonical/json-depth.js";
import { OPENAI_LIMITS } from "../openai/limits.js";
import { RESPONSES_LIMITS } from "./limits.js";
import { parseResponses } from "./parse.js";

const body = (fields: object = {}) => ({ model: "sprout", input: "Hello", ...fields });
const saying = (...input: unknown[]) => body({ input });
const refusalOf = (json: unknown): ApiError => {
  try {
    parseResponses(json);
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error("the body was accepted");
};

const png = "data:image/png;base64,AAAA";
const image = (image_url: string) => ({ type: "input_image", image_url, detail: "auto" });
const inputText = (text: string) => ({ type: "input_text", text });
const thought = (text: string) => ({ type: "reasoning", id: "rs_1", summary: [{ type: "summary_text", text }] });
const schema = { type: "object", properties: { a: { type: "string" } } };
const tool = (name: string) => ({ type: "function", name, parameters: schema });
const jsonFormat = { type: "json_schema", name: "n", schema };

describe("a refusal", () => {
  const deep = (levels: number) => Array.from({ length: levels }).reduce<unknown>((value) => [value], 0);
  const pairs = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, "v"]));
  const { pairs_max, key_max, value_max } = RESPONSES_LIMITS.metadata;
  const tooMuch = `metadata: expected at most ${pairs_max} keys of at most ${key_max} characters, each with a string of at most ${value_max}`;

  it.each<[unknown, string, string]>([
    [{ input: "Hi" }, "model", "model is required"],
    [{ model: "", input: "Hi" }, "model", "model is required"],
    [{ model: "m".repeat(OPENAI_LIMITS.modelName_max + 1), input: "Hi" }, "model", "model: expected at most 256 characters"],
    [{ model: "sprout" }, "input", "input is required"],
    [saying(), "input", "input is required"],
    [body({ input: 5 }), "input", "input: expected a string or an array"],
    [saying(thought("Hm.")), "input", "input: expected at least 1 message"],
    [saying(5), "input[0]", "input[0]: expected an object, got a number"],
    [saying({}), "input[0].content", "input[0].content is required"],
    [saying({ role: "x", content: "" }), "input[0].role", 'input[0].role: expected one of "user", "system", "developer", "assistant"'],
    [
      saying({ role: "user", content: [{ type: "input_file", file_id: "f" }] }),
      "input[0].content[0].type",
      'input[0].content[0].type: expected one of "input_text", "input_image"',
    ],
    [
      saying({ role: "user", content: [{ type: "input_image", file_id: "f" }] }),
      "input[0].content[0].image_url",
      "input[0].content[0].image_url is required",
    ],
    [saying({ role: "system", content: [image(png)] }), "input[0].content[0].type", 'input[0].content[0].type: expected "input_text"'],
    [
      saying({ role: "user", content: [image("data:image/bmp;base64,AAAA")] }),
      "input[0].content[0].image_url",
      "input[0].content[0].image_url: expected a data: URI of image/png, image/jpeg, image/webp or image/gif",
    ],
    [
      saying({ role: "user", content: Array.from({ length: OPENAI_LIMITS.images_max + 1 }, () => image(png)) }),
      "input",
      `input: expected at most ${OPENAI_LIMITS.images_max} images, got ${OPENAI_LIMITS.images_max + 1}`,
    ],
    [saying({ type: "function_call", name: "f", arguments: "{}" }), "input[0].call_id", "input[0].call_id is required"],
    [saying({ type: "function_call_output", output: "x" }), "input[0].call_id", "input[0].call_id is required"],
    [
      body({ input: Array.from({ length: OPENAI_LIMITS.messages_max + 1 }, () => null) }),
      "input",
      `input: expected at most ${OPENAI_LIMITS.messages_max} items`,
    ],
    [body({ instructions: 5 }), "instructions", "instructions: expected a string, got a number"],
    [body({ max_output_tokens: 0 }), "max_output_tokens", "max_output_tokens: expected at least 1"],
    [body({ temperature: 2.1 }), "temperature", "temperature: expected at most 2"],
    [body({ top_logprobs: 21 }), "top_logprobs", "top_logprobs: expected at most 20"],
    [body({ tools: [{ type: "function" }] }), "tools[0].name", "tools[0].name is required"],
    [body({ tools: [{ type: "function", function: {} }] }), "tools[0].function.name", "tools[0].function.name is required"],
    [body({ tools: [{ ...tool("a"), defer_loading: true }] }), "tools[0].defer_loading", 'tools[0].defer_loading: expected "false"'],
    [body({ tools: [tool("a"), tool("a")] }), "tools[1].name", "tools[1].name: expected a name that no other tool has"],
    [body({ tool_choice: "required" }), "tool_choice", "tool_choice is only allowed with tools"],
    [body({ tool_choice: { type: "function", name: "a" } }), "tool_choice", "tool_choice: expected the name of one of the tools"],
    [body({ tool_choice: { type: "web_search" } }), "tool_choice.type", 'tool_choice.type: expected one of "function", "allowed_tools"'],
    [
      body({ tools: [tool("a")], tool_choice: { type: "allowed_tools", mode: "auto", tools: [{ type: "function", name: "b" }] } }),
      "tool_choice.tools[0].name",
      "tool_choice.tools[0].name: expected the name of one of the tools",
    ],
    [
      body({ tool_choice: { type: "allowed_tools", mode: "auto", tools: [] } }),
      "tool_choice.tools",
      "tool_choice.tools: expected at least 1 item",
    ],
    [body({ text: { format: { type: "json_schema", name: "n" } } }), "text.format.schema", "text.format.schema is required"],
    [body({ text: { verbosity: "loud" } }), "text.verbosity", 'text.verbosity: expected one of "low", "medium", "high"'],
    [body({ reasoning: { context: "all_turns" } }), "reasoning.context", 'reasoning.context: expected "auto"'],
    [body({ metadata: pairs(pairs_max + 1) }), "metadata", tooMuch],
    [body({ metadata: { a: 1 } }), "metadata", tooMuch],
    [body({ metadata: { ["k".repeat(key_max + 1)]: "v" } }), "metadata", tooMuch],
    [body({ metadata: { a: "v".repeat(value_max + 1) } }), "metadata", tooMuch],
    [body({ truncation: "some" }), "truncation", 'truncation: expected one of "auto", "disabled"'],
    [body({ background: "yes" }), "background", 'background: expected "false"'],
    [body({ zzz: deep(JSON_DEPTH_MAX) }), "", `request body: expected at most ${JSON_DEPTH_MAX} nested levels`],
    [null, "", "request body: expected an object, got null"],
  ])("of %j names the parameter", (json, param, message) => {
    const error = refusalOf(json);
    expect({ status: error.status, code: error.code, param: error.param ?? "", message: error.message }).toEqual({
      status: 400,
      code: "invalid_request_error",
      param,
      message,
    });
  });

  it.each<[object, string, string]>([
    [{ previous_response_id: "resp_1" }, "previous_response_id", "previous_response_id is not supported"],
    [{ conversation: "conv_1" }, "conversation", "conversation is not supported"],
    [{ prompt: { id: "p" } }, "prompt", "prompt is not supported"],
    [{ background: true }, "background", "background is not supported"],
    [{ context_management: [{ type: "compaction" }] }, "context_management", "context_management is not supported"],
    [{ moderation: { model: "m" } }, "moderation", "moderation is not supported"],
    [{ n: 2 }, "n", "n is not supported on this surface"],
    [{ functions: [{ name: "f" }] }, "functions", "functions is not supported"],
    [{ messages: [{}] }, "messages", "messages is not supported on this surface; use input"],
    [{ max_tokens: 5 }, "max_tokens", "max_tokens is not supported on this surface; use max_output_tokens"],
    [{ response_format: { type: "json_object" } }, "response_format", "response_format is not supported on this surface; use text.format"],
    [{ reasoning_effort: "low" }, "reasoning_effort", "reasoning_effort is not supported on this surface; use reasoning.effort"],
    [{ logprobs: true }, "logprobs", 'logprobs is not supported on this surface; use include ["message.output_text.logprobs"]'],
    ...["web_search", "file_search", "code_interpreter", "computer", "mcp", "image_generation", "custom"].map(
      (type): [object, string, string] => [
        { tools: [tool("a"), { type }] },
        "tools[1].type",
        "tools[1].type is not supported: expected a function",
      ],
    ),
    [
      { input: [{ type: "item_reference", id: "msg_1" }] },
      "input[0]",
      "input[0] is not supported: nothing is kept that an item could refer to",
    ],
    [
      { input: [{ type: "web_search_call" }] },
      "input[0].type",
      "input[0].type is not supported: expected a message, reasoning, or a function's call or output",
    ],
    [
      { text: { format: { ...jsonFormat, schema: { type: "string", pattern: "a" }, strict: true } } },
      "text.format.schema.pattern",
      "text.format.schema.pattern is not supported in a strict schema",
    ],
    [
      { tools: [{ ...tool("a"), parameters: { type: "string", pattern: "a" }, strict: true }] },
      "tools[0].parameters.pattern",
      "tools[0].parameters.pattern is not supported in a strict schema",
    ],
  ])("of what cannot be done, %j, says so", (fields, param, message) => {
    const { status, code, param: named, message: said } = refusalOf(body(fields));
    expect({ status, code, named, said }).toEqual({ status: 400, code: "unsupported_parameter", named: param, said: message });
  });

  it.each([
    [{ provider_serial: 5 }, "provider_serial must be a string or array of strings"],
    [{ provider_serials: [5] }, "provider_serials must contain only strings"],
    [{ provider_serials: [" "] }, "provider_serials must include at least one provider serial"],
  ])("of pins to no machine, %j, has sentences of its own", (fields, message) => {
    expect(refusalOf(body(fields)).message).toBe(message);
  });

  it("of an image that is elsewhere has a code of its own", () => {
    const error = refusalOf(saying({ role: "user", content: [inputText("a"), image("https://example.org/a.png")] }));
    expect(error).toMatchObject({ status: 400, code: "remote_media_not_supported", param: "input[0].content[1].image_url" });
  });

  it("never quotes the caller", () => {
    const secret = "canary";
    for (const json of [
      saying({ type: secret }),
      body({ tools: [{ type: secret }] }),
      body({ tool_choice: secret }),
      body({ text: { format: { type: secret } } }),
    ]) {
      expect(refusalOf(json).message).not.toContain(secret);
    }
  });
});
