import { describe, expect, it } from "vitest";
import type { ChatMessage } from "../canonical/chat-request.js";
import { parseResponses } from "./parse.js";

const requestOf = (json: unknown) => parseResponses(json).request;
const body = (fields: object = {}) => ({ model: "sprout", input: "Hello", ...fields });
const messagesOf = (...input: unknown[]) => requestOf(body({ input })).messages;

const png = "data:image/png;base64,AAAA";
const inlined = { type: "image", mediaType: "image/png", base64: "AAAA" } as const;
const image = (image_url: string) => ({ type: "input_image", image_url, detail: "auto" });
const inputText = (text: string) => ({ type: "input_text", text });
const outputText = (text: string) => ({ type: "output_text", text, annotations: [], logprobs: [] });
const called = (call_id: string, name = "f") => ({ type: "function_call", id: `fc_${call_id}`, call_id, name, arguments: "{}" });
const output = (call_id: string, value: unknown = "found") => ({ type: "function_call_output", call_id, output: value });
const thought = (text: string) => ({ type: "reasoning", id: "rs_1", summary: [{ type: "summary_text", text }] });
const answered = (text: string) => ({ type: "message", id: "msg_1", status: "completed", role: "assistant", content: [outputText(text)] });
const user = (...texts: string[]): ChatMessage => ({ role: "user", content: texts.map((text) => ({ type: "text", text })) });

describe("instructions", () => {
  it("become a system message before the input", () => {
    expect(requestOf(body({ instructions: "Be brief." })).messages).toEqual([
      { role: "system", content: [{ type: "text", text: "Be brief." }] },
      user("Hello"),
    ]);
  });

  it("are none when empty", () => {
    expect(requestOf(body({ instructions: "" })).messages).toEqual([user("Hello")]);
  });
});

describe("messages", () => {
  it.each([
    ["a bare role and text", { role: "user", content: "Hi" }, user("Hi")],
    ["an item without a role, which is the user's", { type: "message", content: "Hi" }, user("Hi")],
    ["an empty text", { role: "user", content: "" }, user()],
    ["texts, which are joined by lines", { role: "user", content: [inputText("Hi"), inputText("there")] }, user("Hi\nthere")],
    ["a developer's", { role: "developer", content: [inputText("Hi")] }, { role: "system", content: [{ type: "text", text: "Hi" }] }],
    [
      "an image between texts",
      { type: "message", role: "user", content: [inputText("What"), image(png), inputText("is"), inputText("it")] },
      { role: "user", content: [{ type: "text", text: "What" }, inlined, { type: "text", text: "is\nit" }] },
    ],
    ["an answer", answered("Paris"), { role: "assistant", content: [{ type: "text", text: "Paris" }], toolCalls: [] }],
    [
      "an answer that refuses",
      { role: "assistant", content: [{ type: "refusal", refusal: "No." }] },
      { role: "assistant", content: [{ type: "text", text: "No." }], toolCalls: [] },
    ],
    [
      "an answer as plain text",
      { role: "assistant", content: "Paris" },
      { role: "assistant", content: [{ type: "text", text: "Paris" }], toolCalls: [] },
    ],
  ])("can be %s", (_what, item, expected) => {
    expect(messagesOf(item)).toEqual([expected]);
  });
});

describe("calls and their outputs", () => {
  const callOf = (id: string) => ({ id, name: "f", arguments: "{}" });
  const toolMessage = (toolCallId: string, text = "found"): ChatMessage => ({
    role: "tool",
    content: [{ type: "text", text }],
    toolCallId,
  });

  it("make one turn of the calls that follow each other", () => {
    expect(messagesOf(called("a"), called("b"), output("a"), output("b"))).toEqual([
      { role: "assistant", content: [], toolCalls: [callOf("a"), callOf("b")] },
      toolMessage("a"),
      toolMessage("b"),
    ]);
  });

  it("belong to the message that they follow", () => {
    expect(messagesOf(answered("Let me see."), called("a"), output("a"), called("b"))).toEqual([
      { role: "assistant", content: [{ type: "text", text: "Let me see." }], toolCalls: [callOf("a")] },
      toolMessage("a"),
      { role: "assistant", content: [], toolCalls: [callOf("b")] },
    ]);
  });

  it("are no turn together with what another one says in between", () => {
    expect(messagesOf(called("a"), { role: "user", content: "Go on" }, called("b")).map(({ role }) => role)).toEqual([
      "assistant",
      "user",
      "assistant",
    ]);
  });

  it("are named by the item's id when there is no other", () => {
    const { call_id: _, ...nameless } = called("a");
    expect(messagesOf(nameless)).toMatchObject([{ toolCalls: [{ id: "fc_a" }] }]);
  });

  it("show images after the last of the outputs, because a tool's message is text", () => {
    const shown = [inputText("see"), inputText("this"), image(png)];
    expect(messagesOf(called("a"), called("b"), output("a", shown), output("b"), answered("A tree."))).toEqual([
      { role: "assistant", content: [], toolCalls: [callOf("a"), callOf("b")] },
      toolMessage("a", "see\nthis"),
      toolMessage("b"),
      { role: "user", content: [inlined] },
      { role: "assistant", content: [{ type: "text", text: "A tree." }], toolCalls: [] },
    ]);
    expect(messagesOf(called("a"), output("a", [image(png)])).at(-1)).toEqual({ role: "user", content: [inlined] });
  });
});

describe("reasoning", () => {
  const told = (...input: unknown[]) => messagesOf(...input).map((message) => ("reasoning" in message ? message.reasoning : undefined));

  it("goes to the turn that it stands before", () => {
    expect(told(thought("France."), answered("Paris"))).toEqual(["France."]);
    expect(told(thought("Look"), thought("it up."), called("a"), output("a"), answered("Paris"))).toEqual([
      "Look\nit up.",
      undefined,
      undefined,
    ]);
    expect(told(thought("First."), answered("Wait"), thought("Second."), called("a"))).toEqual(["First.\nSecond."]);
  });

  it("is told in full where an item has both it and a summary", () => {
    expect(told({ ...thought("short"), content: [{ type: "reasoning_text", text: "in full" }] }, answered("Paris"))).toEqual(["in full"]);
    expect(told({ ...thought("short"), content: [] }, answered("Paris"))).toEqual(["short"]);
  });

  it("is left out where it is encrypted, empty, or stands before no turn of the assistant", () => {
    const encrypted = { type: "reasoning", id: "rs_1", summary: [], encrypted_content: "xyz" };
    expect(messagesOf(encrypted, answered("Paris"))).toEqual(messagesOf(answered("Paris")));
    expect(messagesOf(thought("Hm."), { role: "user", content: "Hi" }, answered("Hi"))).toEqual(
      messagesOf({ role: "user", content: "Hi" }, answered("Hi")),
    );
  });
});
