import type { ChatEvent } from "@umbel/dialects";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ServedRequest } from "../fleet/testing/index.js";
import { MODEL, startTestCoordinator, type TestCoordinator } from "../testing.js";
import { postReadingBytes } from "./testing/one-byte-client.js";

const USAGE = { promptTokens: 9, completionTokens: 8, reasoningTokens: 2, cachedPromptTokens: 4 };
const STARTED: ChatEvent = { type: "started", promptTokens: 9, cachedPromptTokens: 4 };
const text = (value: string, tokens = 1): ChatEvent => ({ type: "text", text: value, tokens });
const call = (index: number, fragment: string, opening: { id?: string; name?: string } = {}): ChatEvent => ({
  ...{ type: "tool_call", index, arguments: fragment, tokens: 1 },
  ...opening,
});

/** What a provider says, batch by batch, and how it ends. */
interface Scene {
  readonly says: readonly (readonly ChatEvent[])[];
  readonly ends: "stop" | "length" | "tool_calls" | "by failing";
}

const SCENES: Readonly<Record<string, Scene>> = {
  says: { says: [[STARTED], [text("Hel", 3)], [text('lo "there"\n', 2), text("🌱", 3)]], ends: "stop" },
  "thinks and calls": {
    says: [
      [STARTED, { type: "reasoning", text: "Two ", tokens: 1 }],
      [{ type: "reasoning", text: "places.", tokens: 1 }, text("Let me see. 🌱", 2)],
      [call(0, "", { id: "call_a", name: "look_up" })],
      [call(0, '{"place": "Pa'), call(0, 'ris"}')],
      [call(1, '{"place": "Rome"}', { id: "call_b", name: "look_up" })],
    ],
    ends: "tool_calls",
  },
  fails: { says: [[STARTED], [text("Once upon ", 2)], [text("a", 1)]], ends: "by failing" },
  "fails in a call": { says: [[STARTED], [call(0, '{"place": ', { id: "call_a", name: "look_up" })]], ends: "by failing" },
};

const question = [{ role: "user", content: "Where?" }];
const parameters = { type: "object", properties: { place: { type: "string" } } };

/** Each way to ask, its path, and the scenes that it can show. */
const ASKED: readonly [string, string, object, readonly string[]][] = [
  [
    "chat",
    "/v1/chat/completions",
    { messages: question, tools: [{ type: "function", function: { name: "look_up", parameters } }] },
    Object.keys(SCENES),
  ],
  ["chat with usage", "/v1/chat/completions", { messages: question, stream_options: { include_usage: true } }, ["says"]],
  ["responses", "/v1/responses", { input: "Where?", tools: [{ type: "function", name: "look_up", parameters }] }, Object.keys(SCENES)],
  ["completions", "/v1/completions", { prompt: "Where", echo: true }, ["says", "fails"]],
  ["completions with usage", "/v1/completions", { prompt: "Where", stream_options: { include_usage: true } }, ["says"]],
  [
    "messages",
    "/v1/messages",
    { max_tokens: 100, messages: question, tools: [{ name: "look_up", input_schema: parameters }] },
    Object.keys(SCENES),
  ],
];

/** The bytes of a stream, as the network that a coordinator and a provider make sends them to a client that reads one byte at a time. */
describe("the transcript of", () => {
  let test: TestCoordinator;
  let apiKey: string;
  let scene: Scene | undefined;

  async function play(request: ServedRequest): Promise<void> {
    request.accept();
    for (const events of scene?.says ?? []) await request.chunk(events);
    if (scene === undefined || scene.ends === "by failing") return request.fail("engine_crash");
    await request.chunk([{ type: "finish", reason: scene.ends, usage: USAGE }], "final");
    await request.finish({ usage: { prompt_tokens: 9, completion_tokens: 8, reasoning_tokens: 2, cached_prompt_tokens: 4 } });
  }

  beforeAll(async () => {
    test = await startTestCoordinator();
    apiKey = await test.key();
    await test.provider({ serve: play });
  });
  afterAll(() => test.close());

  const played = ASKED.flatMap(([name, path, body, scenes]) =>
    scenes.map((shown): [string, string, string, object] => [name, shown, path, body]),
  );

  it.each(played)("%s that %s", async (name, shown, path, body) => {
    scene = SCENES[shown];
    const { head, body: written, reads } = await postReadingBytes(`${test.url}${path}`, { model: MODEL, stream: true, ...body }, apiKey);
    expect(head).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(head.toLowerCase()).toContain("content-type: text/event-stream");
    expect(reads).toBe(Buffer.byteLength(`${head}\r\n\r\n${written}`));
    const file = `${name} that ${shown}`.replaceAll(" ", "-");
    await expect(withoutChance(written)).toMatchFileSnapshot(`./testing/transcripts/${file}.sse`);
  });
});

/** What differs from run to run has its name instead. */
function withoutChance(written: string): string {
  return written
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "JOB")
    .replace(/(resp|rs|msg|fc)_[0-9a-f]{32}/g, "$1_JOB")
    .replace(/"(created|created_at)":\d+/g, '"$1":0')
    .replace(/"receipt":"[\w-]+\.[\w-]+\.[\w-]+"/g, '"receipt":"RECEIPT"');
}
