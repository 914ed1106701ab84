import { describe, expect, it } from "vitest";
import { type ChatRequest, chatRequest } from "./chat-request.js";
import { billingPromptBound, estimatePromptTokens } from "./estimate.js";

const request = (fields: Partial<ChatRequest>): ChatRequest => ({ ...chatRequest.parse({ model: "m", messages: [] }), ...fields });
const said = (text: string): ChatRequest["messages"][number] => ({ role: "user", content: [{ type: "text", text }] });
const picture = (base64: string): ChatRequest["messages"][number] => ({
  role: "user",
  content: [{ type: "image", mediaType: "image/png", base64 }],
});
const jsonBytes = (...values: unknown[]) =>
  values.reduce<number>((sum, value) => sum + new TextEncoder().encode(JSON.stringify(value)).length, 0);

describe("the estimate of a prompt's tokens", () => {
  it.each([
    ["", 0],
    ["a", 1],
    ["abcdefg", 1],
    ["abcdefgh", 2],
    ["日本語", 2],
    ["🌱🌱🌱", 3],
  ])("counts %j as a quarter of its UTF-8 bytes, rounded down but at least one: %i", (text, tokens) => {
    expect(estimatePromptTokens(request({ messages: [said(text)] }))).toBe(4 + tokens);
  });

  it("adds four for every message", () => {
    expect(estimatePromptTokens(request({ messages: [said("a"), said("a"), said("a")] }))).toBe(15);
  });

  it("counts an image as 300, whatever its size", () => {
    expect(estimatePromptTokens(request({ messages: [picture("A".repeat(40_000))] }))).toBe(304);
  });

  it("counts all that a template renders: calls, reasoning, tools, schemas, template variables", () => {
    const plain = { messages: [said("hello")] };
    const text = "x".repeat(400);
    const bigger: Partial<ChatRequest>[] = [
      { messages: [said("hello"), { role: "assistant", content: [], toolCalls: [], reasoning: text }] },
      { messages: [said("hello"), { role: "assistant", content: [], toolCalls: [{ id: "1", name: "f", arguments: text }] }] },
      { messages: [said("hello"), { role: "tool", content: [{ type: "text", text }], toolCallId: "1" }] },
      { ...plain, tools: [{ name: "f", parameters: { description: text } }] },
      { ...plain, responseFormat: { type: "json_schema", name: "n", schema: { description: text }, strict: true } },
      { ...plain, templateVariables: { documents: text } },
    ];
    for (const fields of bigger) {
      expect(estimatePromptTokens(request(fields)) - estimatePromptTokens(request(plain))).toBeGreaterThanOrEqual(100);
    }
  });
});

describe("a task without messages", () => {
  it("is estimated and bounded by its texts", () => {
    const completion = request({ task: { type: "completion", prompt: "x".repeat(400) } });
    const embedding = request({ task: { type: "embedding", inputs: ["x".repeat(400), "x".repeat(40)] } });
    expect([completion, embedding].map(estimatePromptTokens)).toEqual([100, 110]);
    const empty = billingPromptBound(request({}));
    expect([completion, embedding].map((asked) => billingPromptBound(asked) - empty)).toEqual([408, 456]);
  });
});

describe("the most prompt tokens a request can be charged for", () => {
  it("is a token for every byte of messages, tools and answer format, 64, and 16 a message", () => {
    const messages = [said("日本語"), said("hello")];
    const tools: ChatRequest["tools"] = [{ name: "f", parameters: { type: "object" } }];
    const responseFormat: ChatRequest["responseFormat"] = { type: "json_schema", name: "n", schema: { type: "object" }, strict: false };
    const bound = billingPromptBound(request({ messages, tools, responseFormat }));
    expect(bound).toBe(jsonBytes(messages, tools, responseFormat) + 64 + 2 * 16);
  });

  it("counts template variables, which a template may render", () => {
    const messages = [said("hi")];
    const templateVariables = { documents: "x".repeat(1000) };
    const difference = billingPromptBound(request({ messages, templateVariables })) - billingPromptBound(request({ messages }));
    expect(difference).toBe(jsonBytes(templateVariables));
  });

  it("counts an image as 2048 and none of its bytes", () => {
    const small = billingPromptBound(request({ messages: [picture("")] }));
    expect(small).toBe(jsonBytes([picture("")], [], { type: "text" }) + 64 + 16 + 2048);
    expect(billingPromptBound(request({ messages: [picture("A".repeat(1_000_000))] }))).toBe(small);
  });

  it("is never below the estimate", () => {
    const many = Array.from({ length: 50 }, (_, index) => said("é".repeat(index)));
    const whole = request({ messages: [...many, picture("AAAA")], templateVariables: { a: "b" } });
    expect(billingPromptBound(whole)).toBeGreaterThan(estimatePromptTokens(whole));
  });
});
