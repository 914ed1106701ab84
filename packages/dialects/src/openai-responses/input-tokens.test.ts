import { describe, expect, it } from "vitest";
import { estimatePromptTokens } from "../canonical/estimate.js";
import { openaiInputTokens } from "./input-tokens.js";

const { parse, render, schemas } = openaiInputTokens;
const body = (fields: object = {}) => ({ model: "sprout", input: "Hello there, friend", ...fields });
const count = (json: unknown) => estimatePromptTokens(parse(json));
const tool = { type: "function", name: "f", description: "Looks something up.", parameters: { type: "object", properties: {} } };

describe("the input tokens of a response", () => {
  it("grow with everything that the model reads", () => {
    const plain = count(body());
    expect(plain).toBeGreaterThan(4);
    expect(count(body({ instructions: "Be brief." }))).toBeGreaterThan(plain);
    expect(count(body({ tools: [tool] }))).toBeGreaterThan(plain);
    expect(
      count(
        body({
          input: [
            { role: "user", content: "Hello there, friend" },
            { type: "function_call", call_id: "c", name: "f", arguments: "{}" },
          ],
        }),
      ),
    ).toBeGreaterThan(plain);
  });

  it("are counted for whatever a response could be asked for", () => {
    expect(parse(body({ truncation: "auto", parallel_tool_calls: null, stream: true })).model).toBe("sprout");
  });

  it.each([
    ["model", { input: "Hello" }],
    ["input", { model: "sprout" }],
    ["previous_response_id", body({ previous_response_id: "resp_1" })],
    ["conversation", body({ conversation: "conv_1" })],
    ["personality", body({ personality: "friendly" })],
    ["tool_choice", body({ tool_choice: "required" })],
  ])("are refused by the name of %s", (param, json) => {
    expect(() => parse(json)).toThrow(expect.objectContaining({ status: 400, param }));
  });

  it("are said as OpenAI says them", () => {
    expect(schemas.answer.parse(render(9))).toEqual({ object: "response.input_tokens", input_tokens: 9 });
  });
});
