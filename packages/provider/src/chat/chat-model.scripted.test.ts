import { type ChatEvent, chatRequest } from "@umbel/dialects";
import { modelInfo } from "@umbel/protocol";
import { createFakeClock } from "@umbel/protocol/testing";
import { describe, expect, it } from "vitest";
import type { z } from "zod";
import { createScriptedEngine, scriptedEngineScript } from "../engine/index.js";
import { answerTokensDefault_max, createChatModel } from "./chat-model.js";

const info = modelInfo.parse({ id: "scripted", size_bytes: 1, format: "gguf", context_length: 4096, weight_hash: "0".repeat(64) });

async function bench(script: z.input<typeof scriptedEngineScript>, sequences = 1, contextLength_tokens = 4096) {
  const clock = createFakeClock();
  const engine = createScriptedEngine(scriptedEngineScript.parse(script), { clock, random: () => 0.3, crash: () => undefined });
  const loading = engine.load({ buildId: "scripted", path: "" }, { sequences, contextLength_tokens });
  await clock.advance(0);
  let crashes = 0;
  const model = createChatModel({ loaded: await loading, info, clock, random: () => 0.3, onEngineCrash: () => (crashes += 1) });

  function run(id: string, body: Partial<z.input<typeof chatRequest>> = {}) {
    const abort = new AbortController();
    const record = { events: [] as ChatEvent[], phases: [] as string[], error: undefined as unknown, abort: () => abort.abort() };
    const request = chatRequest.parse({
      model: "scripted",
      messages: [{ role: "user", content: [{ type: "text", text: "Tell me." }] }],
      ...body,
    });
    const options = { requestId: id, cacheScope: "ada", signal: abort.signal, onPhase: (phase: string) => record.phases.push(phase) };
    void (async () => {
      try {
        for await (const event of model.run(request, options)) record.events.push(event);
      } catch (error) {
        record.error = error;
      }
    })();
    return record;
  }
  return { clock, model, run, crashes: () => crashes };
}

const textOf = (events: readonly ChatEvent[]) => events.map((event) => (event.type === "text" ? event.text : "")).join("");
const tokensOf = (events: readonly ChatEvent[]) => events.reduce((sum, event) => sum + ("tokens" in event ? event.tokens : 0), 0);

describe("text of several tokens", () => {
  it("appears when a character is whole, and each token is counted once", async () => {
    const { run, clock } = await bench({ answer: { kind: "text", text: "Grüße 🙂!" } });
    const record = run("a");
    await clock.advance(1);
    expect(textOf(record.events)).toBe("Grüße 🙂!");
    expect(record.events.every((event) => event.type !== "text" || !event.text.includes("\uFFFD"))).toBe(true);
    expect(record.events.at(-1)).toMatchObject({ type: "finish", usage: { completionTokens: tokensOf(record.events) } });
  });

  it("shows a character that is cut off by the limit as broken", async () => {
    const { run, clock } = await bench({ answer: { kind: "text", text: "!🙂" } });
    const record = run("a", { maxOutputTokens: 3 });
    await clock.advance(1);
    expect(textOf(record.events)).toBe("!\uFFFD");
    expect(record.events.at(-1)).toMatchObject({ reason: "length", usage: { completionTokens: 3 } });
  });

  it("counts tokens that showed nothing in the usage alone", async () => {
    const { run, clock } = await bench({ answer: { kind: "text", text: "Yes.\n###\nmore" } });
    const record = run("a", { stop: ["\n###\n"] });
    await clock.advance(1);
    expect(textOf(record.events)).toBe("Yes.");
    expect(tokensOf(record.events)).toBe(4);
    expect(record.events.at(-1)).toMatchObject({ reason: "stop", usage: { completionTokens: 9 } });
  });
});

describe("an answer without a limit", () => {
  it("ends at the default, or where the context does", async () => {
    for (const [context, expected] of [
      [20_000, answerTokensDefault_max],
      [1000, undefined],
    ] as const) {
      const { run, clock } = await bench({ answerTokens: 10_000 }, 1, context);
      const { events } = run("a");
      await clock.advance(1);
      const finish = events.at(-1);
      if (finish?.type !== "finish") throw new Error("no finish");
      expect(finish.reason).toBe("length");
      expect(finish.usage.completionTokens).toBe(expected ?? context - finish.usage.promptTokens);
    }
  });
});

describe("tool calls", () => {
  const twoCalls =
    '<tool_call>\n{"name": "f", "arguments": {"a": 1}}\n</tool_call>\n<tool_call>\n{"name": "g", "arguments": {}}\n</tool_call>';

  it("stop after the first when only one is wanted", async () => {
    const { run, clock } = await bench({ answer: { kind: "text", text: twoCalls }, tokens_per_s: 100 });
    const one = run("a", { tools: [{ name: "f" }], parallelToolCalls: false });
    await clock.advance(5000);
    const fragments = one.events.flatMap((event) => (event.type === "tool_call" ? [event] : []));
    expect(fragments.map((event) => event.name).filter((name) => name !== undefined)).toEqual(["f"]);
    expect(fragments.map((event) => event.arguments).join("")).toBe('{"a": 1}');
    expect(one.events.at(-1)).toMatchObject({ type: "finish", reason: "tool_calls" });
    const both = run("b", { tools: [{ name: "f" }] });
    await clock.advance(5000);
    expect(
      both.events.flatMap((event) => (event.type === "tool_call" && event.name !== undefined ? [`${event.index} ${event.name}`] : [])),
    ).toEqual(["0 f", "1 g"]);
  });

  it("are refused where an engine cannot enforce them", async () => {
    const { run, clock } = await bench({});
    const forced = run("a", { tools: [{ name: "f" }], toolChoice: { type: "required" } });
    const json = run("b", { responseFormat: { type: "json_object" } });
    const logprobs = run("c", { topLogprobs: 1 });
    await clock.advance(1);
    expect([forced, json, logprobs].map(({ error }) => error)).toEqual([
      expect.objectContaining({ errorClass: "client_request", param: "tool_choice" }),
      expect.objectContaining({ errorClass: "client_request", param: "response_format" }),
      expect.objectContaining({ errorClass: "client_request", param: "logprobs" }),
    ]);
  });
});

describe("waiting", () => {
  it("tells its phases and keeps the queue's limit", async () => {
    const { run, clock, model } = await bench({ tokens_per_s: 10, answerTokens: 5 });
    const first = run("a");
    const second = run("b");
    await clock.advance(100);
    expect([first.phases, second.phases]).toEqual([["prefilling"], ["queued"]]);
    expect(model.slot()).toMatchObject({ state: "running", num_running: 1, num_waiting: 1 });
    const again = run("b");
    await clock.advance(2000);
    expect(second.phases).toEqual(["queued", "prefilling"]);
    expect(again.error).toMatchObject({ errorClass: "capacity_slots" });
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("cancellation", () => {
  it("fails what has shown nothing, in the queue and before the first token, and ends what has", async () => {
    const { run, clock, model } = await bench({ firstToken_ms: 1000, tokens_per_s: 10, answerTokens: 50 });
    const running = run("a");
    const waiting = run("b");
    await clock.advance(500);
    waiting.abort();
    await clock.advance(0);
    expect(waiting.error).toMatchObject({ errorClass: "cancelled" });
    running.abort();
    await clock.advance(0);
    expect(running.error).toMatchObject({ errorClass: "cancelled" });
    const seen = run("c");
    await clock.advance(1500);
    seen.abort();
    await clock.advance(0);
    expect(seen.error).toBeUndefined();
    expect(seen.events.at(-1)).toMatchObject({ type: "finish", reason: "cancelled", usage: { completionTokens: tokensOf(seen.events) } });
    expect(model.slot()).toMatchObject({ state: "idle", token_budget_used: 0 });
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("faults", () => {
  it("of the engine fail the request with their class", async () => {
    const { run, clock } = await bench({ faults: [{ kind: "error", at: { afterTokens: 3 } }] });
    const record = run("a");
    await clock.advance(1);
    expect(record.events.length).toBeGreaterThan(1);
    expect(record.error).toMatchObject({ errorClass: "internal" });
  });

  it("of silence are a crash, told once", async () => {
    const { run, clock, crashes, model } = await bench({ faults: [{ kind: "stall", at: "first_token" }] });
    const record = run("a");
    await clock.advance(200_000);
    expect(record.error).toMatchObject({ errorClass: "engine_crash" });
    expect(model.slot().state).toBe("crashed");
    expect(crashes()).toBe(1);
  });

  it("do not happen to a request when the model is unloaded in good order", async () => {
    const { run, clock, model } = await bench({ tokens_per_s: 1 });
    const record = run("a");
    await clock.advance(10);
    await model.dispose();
    await clock.advance(0);
    expect(record.error).toMatchObject({ errorClass: "not_loaded" });
    expect(clock.pendingTimers).toBe(0);
  });
});
