import { WIRE_LIMITS } from "@umbel/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { anyEvent, anyEvents } from "../testing/answers.js";
import { type ChatEvent, chatEvent } from "./chat-event.js";
import { type ChatRequest, chatRequest } from "./chat-request.js";
import { decodeChatRequest, decodeEvents, encodeChatRequest, encodeEvents } from "./codec.js";
import { CodecError } from "./codec-error.js";
import { JSON_DEPTH_MAX } from "./json-depth.js";

const bytesOf = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const malformed = (subject: string) => expect.objectContaining({ name: "CodecError", code: "malformed", subject });

const request: ChatRequest = {
  model: "sprout",
  task: { type: "chat" },
  continueFinalMessage: false,
  messages: [
    { role: "system", content: [{ type: "text", text: "Be brief." }] },
    { role: "user", content: [{ type: "image", mediaType: "image/png", base64: "AAAA" }], name: "ada" },
    { role: "assistant", content: [], reasoning: "hm", toolCalls: [{ id: "c1", name: "look", arguments: "{}" }] },
    { role: "tool", content: [{ type: "text", text: "naïve 🌱" }], toolCallId: "c1" },
  ],
  tools: [{ name: "look", description: "Looks.", parameters: { type: "object" }, strict: true }],
  toolChoice: { type: "named", name: "look" },
  parallelToolCalls: false,
  sampling: { temperature: 0.5, logitBias: { "7": -100 } },
  maxOutputTokens: 64,
  stop: ["\n"],
  responseFormat: { type: "json_schema", name: "answer", schema: { type: "object" }, strict: true },
  topLogprobs: 3,
  reasoning: { effort: "low", exclude: true },
  templateVariables: { enable_thinking: false },
  choices: 1,
};

describe("a request's plaintext", () => {
  it("comes out as it went in", () => {
    expect(decodeChatRequest(encodeChatRequest(request))).toEqual(request);
  });

  it("fills in the defaults of what an older or smaller sender leaves out", () => {
    expect(decodeChatRequest(bytesOf({ model: "m", messages: [] }))).toEqual(chatRequest.parse({ model: "m", messages: [] }));
  });

  it.each([
    ["no JSON", new TextEncoder().encode("{")],
    ["text that is not UTF-8", Uint8Array.of(0x22, 0xff, 0x22)],
    ["another shape", bytesOf({ ...request, messages: [{ role: "robot", content: [] }] })],
    ["a list of events", bytesOf([])],
  ])("refuses %s", (_name, bytes) => {
    expect(() => decodeChatRequest(bytes)).toThrow(malformed("chat request"));
  });

  it("refuses nesting that recursive code could not follow", () => {
    const nested = (levels: number) => JSON.parse("[".repeat(levels) + "]".repeat(levels)) as unknown;
    const holding = (levels: number) => bytesOf({ ...request, templateVariables: { deep: nested(levels) } });
    expect(() => decodeChatRequest(holding(JSON_DEPTH_MAX - 2))).not.toThrow();
    expect(() => decodeChatRequest(holding(JSON_DEPTH_MAX - 1))).toThrow(malformed("chat request"));
  });

  it("has a limit of size both ways", () => {
    const sized = (bytes: number): ChatRequest => {
      const rest = encodeChatRequest({ ...request, model: "" }).length;
      return { ...request, model: "m".repeat(bytes - rest) };
    };
    const limit = WIRE_LIMITS.requestBody_bytes_max;
    expect(encodeChatRequest(sized(limit)).length).toBe(limit);
    const tooLarge = expect.objectContaining({ code: "too_large", subject: "chat request" });
    expect(() => encodeChatRequest(sized(limit + 1))).toThrow(tooLarge);
    expect(() => decodeChatRequest(bytesOf(sized(limit + 1)))).toThrow(tooLarge);
  });

  it("never shows what it held when it is refused", () => {
    const secret = "my secret diary";
    for (const bytes of [new TextEncoder().encode(secret), bytesOf({ model: secret, messages: secret })]) {
      const error = caught(() => decodeChatRequest(bytes));
      expect(error).toBeInstanceOf(CodecError);
      expect(`${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`).not.toMatch(/secret|diary/);
    }
  });
});

describe("a chunk's plaintext", () => {
  const schema = z.array(chatEvent);

  it("comes out as it went in", () => {
    fc.assert(
      fc.property(anyEvents, (events) => {
        expect(decodeEvents(encodeEvents(events))).toEqual(events);
      }),
    );
  });

  const judgedAlike = (value: unknown) => {
    const bySchema = schema.safeParse(value);
    if (bySchema.success) expect(decodeEvents(bytesOf(value))).toStrictEqual(bySchema.data);
    else expect(() => decodeEvents(bytesOf(value)), JSON.stringify(value)).toThrow(malformed("chat events"));
  };

  it("is judged exactly as the schema judges it, whatever stands in place of any of its values", () => {
    for (const place of placesIn(everyEvent)) {
      for (const value of oddValues) judgedAlike(changed(everyEvent, place, (holder, key) => Object.assign(holder, { [key]: value })));
      judgedAlike(changed(everyEvent, place, (holder, key) => Reflect.deleteProperty(holder, key)));
      judgedAlike(changed(everyEvent, place, (holder) => Object.assign(holder, { added: 1 })));
    }
  });

  it("is judged exactly as the schema judges it, for any JSON", () => {
    fc.assert(fc.property(fc.array(fc.oneof(anyEvent, fc.jsonValue({ maxDepth: 2 })), { maxLength: 4 }), (value) => judgedAlike(value)));
  });

  it.each([
    ["no JSON", "["],
    ["an infinite number", '[{"type":"text","text":"","tokens":1,"logprobs":[{"token":"","logprob":-1e999,"bytes":[]}]}]'],
    ["a count beyond exact integers", '[{"type":"reasoning","text":"","tokens":9007199254740992}]'],
    ["no array", '{"0":{"type":"reasoning","text":"","tokens":1},"length":1}'],
  ])("refuses %s", (_name, json) => {
    expect(() => decodeEvents(new TextEncoder().encode(json))).toThrow(malformed("chat events"));
  });

  it("does not take over fields that could change an object's nature", () => {
    const json = '[{"type":"reasoning","text":"","tokens":1,"__proto__":{"polluted":true},"constructor":1}]';
    expect(decodeEvents(new TextEncoder().encode(json))).toStrictEqual([{ type: "reasoning", text: "", tokens: 1 }]);
  });

  it("has a limit of size both ways", () => {
    const limit = WIRE_LIMITS.chunk_bytes_max;
    const sized = (bytes: number): ChatEvent[] => {
      const rest = encodeEvents([{ type: "text", text: "", tokens: 1 }]).length;
      return [{ type: "text", text: "a".repeat(bytes - rest), tokens: 1 }];
    };
    expect(decodeEvents(encodeEvents(sized(limit)))).toEqual(sized(limit));
    const tooLarge = expect.objectContaining({ code: "too_large", subject: "chat events" });
    expect(() => encodeEvents(sized(limit + 1))).toThrow(tooLarge);
    expect(() => decodeEvents(bytesOf(sized(limit + 1)))).toThrow(tooLarge);
  });
});

/** Every kind of event with every field. */
const candidate = { token: "a", logprob: -0.5, bytes: [97] };
const everyEvent: ChatEvent[] = [
  { type: "started", promptTokens: 3, cachedPromptTokens: 1 },
  { type: "text", text: "a", tokens: 1, logprobs: [{ ...candidate, top: [candidate] }] },
  { type: "reasoning", text: "a", tokens: 1 },
  { type: "tool_call", index: 0, id: "c", name: "f", arguments: "{}", tokens: 1 },
  { type: "finish", reason: "stop", usage: { promptTokens: 3, completionTokens: 3, reasoningTokens: 1, cachedPromptTokens: 1 } },
];

const oddValues: readonly unknown[] = [
  ...[null, true, "", "text", "finish", "length", "tool_calls", "cancelled", "failed", [], [{}], {}],
  ...[0, -1, 0.5, 255, 256, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER + 1],
];

type Place = readonly string[];

function placesIn(value: unknown): Place[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, child]) => [[key], ...placesIn(child).map((place) => [key, ...place])]);
}

/** A copy in which the object that holds a place has been changed. */
function changed(value: unknown, place: Place, change: (holder: object, key: string) => void): unknown {
  const copy = structuredClone(value);
  const holder = place.slice(0, -1).reduce<unknown>((inner, key) => Reflect.get(Object(inner), key), copy);
  change(Object(holder), place.at(-1) ?? "");
  return copy;
}

function caught(action: () => unknown): Error {
  try {
    action();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error("nothing was thrown");
}
