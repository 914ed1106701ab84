import Anthropic from "@anthropic-ai/sdk";
import type OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MODEL, type Script, startNetwork, type TestNetwork } from "../harness/index.js";

const call = (name: string, args: string) => `<tool_call>\n{"name": "${name}", "arguments": ${args}}\n</tool_call>`;
const look = { description: "Looks a place up.", parameters: { type: "object", properties: { place: { type: "string" } } } };
const chatTools = ["look_up", "look_down"].map((name) => ({ type: "function" as const, function: { name, ...look } }));
const question = [{ role: "user" as const, content: "Where?" }];

interface Clients {
  readonly openai: OpenAI;
  readonly anthropic: Anthropic;
}

let network: TestNetwork;
let clients: Clients;
beforeAll(async () => {
  network = await startNetwork();
  const { openai, apiKey } = await network.client();
  clients = { openai, anthropic: new Anthropic({ baseURL: network.url, apiKey, maxRetries: 0 }) };
});
afterAll(() => network.close());

/** The network's one provider answers what its script says to whoever asks. */
function scripted(script: Script): void {
  beforeAll(() => network.provider({ script }));
  afterAll(() => network.stopProviders());
}

describe("two calls at once", () => {
  const text = `<think>Two places.</think>Let me see.\n${call("look_up", '{"place": "Paris"}')}\n${call("look_down", '{"place": "Rome"}')}`;
  scripted({ answer: { kind: "text", text } });

  it("have their own indices in chat completions, beside text and reasoning", async () => {
    const stream = await clients.openai.chat.completions.create({ model: MODEL, messages: question, tools: chatTools, stream: true });
    const calls: { name: string; arguments: string; fragments: number }[] = [];
    const said = { content: "", reasoning: "" };
    let finish: string | null | undefined;
    for await (const { choices } of stream) {
      const delta: { readonly reasoning_content?: string } & OpenAI.ChatCompletionChunk.Choice.Delta = choices[0]?.delta ?? {};
      said.content += delta.content ?? "";
      said.reasoning += delta.reasoning_content ?? "";
      for (const fragment of delta.tool_calls ?? []) {
        const open = calls[fragment.index] ?? { name: "", arguments: "", fragments: 0 };
        calls[fragment.index] = {
          name: open.name + (fragment.function?.name ?? ""),
          arguments: open.arguments + (fragment.function?.arguments ?? ""),
          fragments: open.fragments + 1,
        };
      }
      finish = choices[0]?.finish_reason ?? finish;
    }
    expect(said).toEqual({ content: "Let me see.", reasoning: "Two places." });
    expect(calls.map(({ name, arguments: json }) => [name, JSON.parse(json)])).toEqual([
      ["look_up", { place: "Paris" }],
      ["look_down", { place: "Rome" }],
    ]);
    expect(calls.every(({ fragments }) => fragments > 1)).toBe(true);
    expect(finish).toBe("tool_calls");
  });

  it("are items of a response, and blocks of a message", async () => {
    const tools = chatTools.map(({ function: { name, parameters } }) => ({ type: "function" as const, name, parameters, strict: false }));
    const response = await clients.openai.responses.stream({ model: MODEL, input: "Where?", tools }).finalResponse();
    expect(response.output).toMatchObject([
      { type: "reasoning" },
      { type: "message", content: [{ text: "Let me see." }] },
      { type: "function_call", name: "look_up", arguments: '{"place": "Paris"}' },
      { type: "function_call", name: "look_down", arguments: '{"place": "Rome"}' },
    ]);
    const message = await clients.anthropic.messages
      .stream({
        model: MODEL,
        max_tokens: 1_000,
        messages: question,
        tools: chatTools.map(({ function: { name } }) => ({ name, input_schema: { type: "object" as const } })),
      })
      .finalMessage();
    expect(message.stop_reason).toBe("tool_use");
    expect(message.content).toMatchObject([
      { type: "thinking", thinking: "Two places." },
      { type: "text", text: "Let me see." },
      { type: "tool_use", name: "look_up", input: { place: "Paris" } },
      { type: "tool_use", name: "look_down", input: { place: "Rome" } },
    ]);
  });

  it("are one call where only one is wanted", async () => {
    const asked = { model: MODEL, messages: question, tools: chatTools, parallel_tool_calls: false };
    const { choices } = await clients.openai.chat.completions.create(asked);
    expect(choices[0]?.message.tool_calls).toHaveLength(1);
  });
});

describe("a provider that fails in the middle of an answer", () => {
  scripted({ answer: { kind: "words" }, answerTokens: 20, faults: [{ kind: "error", at: { afterTokens: 3 } }] });

  const failures: readonly [string, (clients: Clients, heard: (text: string) => void) => Promise<unknown>][] = [
    [
      "chat completions",
      async ({ openai }, heard) => {
        const stream = await openai.chat.completions.create({ model: MODEL, messages: question, stream: true });
        for await (const { choices } of stream) heard(choices[0]?.delta.content ?? "");
      },
    ],
    [
      "completions",
      async ({ openai }, heard) => {
        const stream = await openai.completions.create({ model: MODEL, prompt: "Where", stream: true });
        for await (const { choices } of stream) heard(choices[0]?.text ?? "");
      },
    ],
    [
      "responses",
      async ({ openai }, heard) => {
        const stream = await openai.responses.create({ model: MODEL, input: "Where?", stream: true });
        let failed: unknown;
        for await (const event of stream) {
          if (event.type === "response.output_text.delta") heard(event.delta);
          if (event.type === "response.failed") failed = event.response.error;
        }
        throw Object.assign(new Error("the response failed"), { failed });
      },
    ],
    [
      "messages",
      async ({ anthropic }, heard) => {
        const stream = await anthropic.messages.create({ model: MODEL, max_tokens: 100, messages: question, stream: true });
        for await (const event of stream) {
          if (event.type === "content_block_delta" && event.delta.type === "text_delta") heard(event.delta.text);
        }
      },
    ],
  ];

  it.each(failures)("is told by %s after what was said before", async (_, ask) => {
    let text = "";
    const outcome = await ask(clients, (piece) => {
      text += piece;
    }).then(
      () => "it ended well",
      (error: unknown) => error,
    );
    expect(outcome).toBeInstanceOf(Error);
    expect(text.trim()).not.toBe("");
  });

  it("is a plain error for a caller that wants the answer whole", async () => {
    await expect(clients.openai.chat.completions.create({ model: MODEL, messages: question })).rejects.toMatchObject({
      status: 502,
      code: "provider_error",
    });
    await expect(clients.anthropic.messages.create({ model: MODEL, max_tokens: 100, messages: question })).rejects.toThrow(
      Anthropic.InternalServerError,
    );
  });
});
