import { fileURLToPath } from "node:url";
import { type ChatEvent, chatRequest, type Task } from "@umbel/dialects";
import { fromBase64, modelInfo } from "@umbel/protocol";
import { systemClock } from "@umbel/protocol/native";
import { createFakeClock } from "@umbel/protocol/testing";
import { describe, expect, it } from "vitest";
import type { z } from "zod";
import { createLlamaEngine, createScriptedEngine, type LoadedEmbedder, scriptedEngineScript } from "../engine/index.js";
import { createEmbedModel, embedLimits } from "./embed-model.js";

const info = modelInfo.parse({
  id: "vectors",
  size_bytes: 1,
  format: "gguf",
  context_length: 64,
  weight_hash: "0".repeat(64),
  capabilities: ["embedding"],
});
const embedding = (...inputs: string[]) => ({ type: "embedding", inputs }) as const;

async function bench(script: z.input<typeof scriptedEngineScript> = {}, change: Partial<LoadedEmbedder> = {}) {
  const clock = createFakeClock();
  const engine = createScriptedEngine(scriptedEngineScript.parse(script), { clock, random: () => 0.3, crash: () => undefined });
  const loading = engine.loadEmbedder({ buildId: "vectors", path: "" }, { sequences: 1, contextLength_tokens: 64 });
  await clock.advance(0);
  let crashes = 0;
  const loaded = { ...(await loading), ...change };
  const model = createEmbedModel({ loaded, info, clock, concurrency: 4, onEngineCrash: () => (crashes += 1) });

  function run(id: string, task: Task, cacheScope = "ada") {
    const abort = new AbortController();
    const record = { events: [] as ChatEvent[], phases: [] as string[], error: undefined as unknown, abort: () => abort.abort() };
    const request = chatRequest.parse({ model: "vectors", messages: [], task });
    const options = { requestId: id, cacheScope, signal: abort.signal, onPhase: (phase: string) => record.phases.push(phase) };
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

function vectorsOf(events: readonly ChatEvent[]): Float32Array[] {
  return events.flatMap((event) => (event.type === "embedding" ? [new Float32Array(fromBase64(event.vector).slice().buffer)] : []));
}

describe("a request for vectors", () => {
  it("says its tokens, gives one vector an input in order, and ends with the usage", async () => {
    const { run, clock } = await bench();
    const { events, phases } = run("a", embedding("the way", "hi", "the way"));
    await clock.advance(1);
    expect(events.map(({ type }) => type)).toEqual(["started", "embedding", "embedding", "embedding", "finish"]);
    expect(events.flatMap((event) => (event.type === "embedding" ? event.index : []))).toEqual([0, 1, 2]);
    expect(events[0]).toEqual({ type: "started", promptTokens: 6, cachedPromptTokens: 0 });
    expect(events.at(-1)).toEqual({
      type: "finish",
      reason: "stop",
      usage: { promptTokens: 6, completionTokens: 0, reasoningTokens: 0, cachedPromptTokens: 0 },
    });
    const [first, second, third] = vectorsOf(events);
    expect(first).toHaveLength(64);
    expect(third).toEqual(first);
    expect(second).not.toEqual(first);
    expect(phases).toEqual(["prefilling"]);
  });

  it("gets shorter vectors of length 1 where the model was trained for them", async () => {
    const { run, clock } = await bench();
    const whole = run("a", embedding("hi"));
    const short = run("b", { ...embedding("hi"), dimensions: 8 });
    await clock.advance(1);
    const [long] = vectorsOf(whole.events);
    const [vector] = vectorsOf(short.events);
    expect(vector).toHaveLength(8);
    expect(Math.hypot(...(vector ?? []))).toBeCloseTo(1, 6);
    const ratio = (vector?.[0] ?? 0) / (long?.[0] ?? 1);
    expect((vector?.[7] ?? 0) / (long?.[7] ?? 1)).toBeCloseTo(ratio, 4);
  });

  it.each([
    ["is a chat", { type: "chat" }, "client_request", "model"],
    ["is a completion", { type: "completion", prompt: "x" }, "client_request", "model"],
    ["wants vectors shorter than the model was trained for", { ...embedding("x"), dimensions: 7 }, "client_request", "dimensions"],
    ["wants vectors longer than there are", { ...embedding("x"), dimensions: 65 }, "client_request", "dimensions"],
    ["has no inputs", embedding(), "client_request", "input"],
    ["has an empty input", embedding("x", ""), "client_request", "input"],
  ] as const)("is refused when it %s", async (_, task, errorClass, param) => {
    const { run, clock, model } = await bench();
    const refused = run("a", task as Task);
    await clock.advance(1);
    expect(refused.events).toEqual([]);
    expect(refused.error).toMatchObject({ errorClass, param });
    expect(model.slot().token_budget_used).toBe(0);
  });

  it("is refused before any vector is computed when one input is longer than the context", async () => {
    const { run, clock } = await bench();
    const fits = run("a", embedding("é".repeat(32)));
    const tooLong = run("b", embedding("x", `${"é".repeat(32)}!`));
    await clock.advance(1);
    expect(fits.error).toBeUndefined();
    expect(tooLong.events).toEqual([]);
    expect(tooLong.error).toMatchObject({ errorClass: "context_exceeded", needed: 65, available: 64 });
  });
});

describe("requests at once", () => {
  it("take turns input by input, so that a long one does not hold up a short one of another consumer", async () => {
    const { run, clock, model } = await bench({ firstToken_ms: 100 });
    const long = run("long", embedding(...Array.from({ length: 50 }, () => "hi")), "ada");
    const short = run("short", embedding("hi"), "bob");
    await clock.advance(50);
    expect(model.slot()).toMatchObject({ state: "running", num_running: 1, num_waiting: 1, max_concurrency: 4, token_budget_used: 102 });
    await clock.advance(300);
    expect(short.events.at(-1)?.type).toBe("finish");
    expect(vectorsOf(long.events)).toHaveLength(2);
    await clock.advance(5000);
    expect(long.events.at(-1)?.type).toBe("finish");
    expect(model.slot()).toMatchObject({ state: "idle", num_running: 0, token_budget_used: 0, observed_prefill_tps: 20 });
    expect(clock.pendingTimers).toBe(0);
  });

  it("are refused beyond the bound on requests, and under an id in use", async () => {
    const { run, clock } = await bench({ firstToken_ms: 100 });
    const many = Array.from({ length: embedLimits.requests_max }, (_, i) => run(`r${i}`, embedding("hi")));
    const again = run("r0", embedding("hi"));
    const oneMore = run("more", embedding("hi"));
    await clock.advance(0);
    expect(many.every(({ error }) => error === undefined)).toBe(true);
    expect(oneMore.error).toMatchObject({ errorClass: "capacity_queue", needed: embedLimits.requests_max + 1 });
    expect(again.error).toMatchObject({ errorClass: "capacity_slots" });
  });

  it("are refused beyond the bound on tokens of all together", async () => {
    const tokens = new Int32Array(64);
    const { run, clock } = await bench({ firstToken_ms: 100 }, { encode: () => tokens });
    const inputs = Array.from({ length: embedLimits.tokens_max / tokens.length }, () => "x");
    const most = run("most", embedding(...inputs));
    const oneMore = run("more", embedding("x"));
    await clock.advance(0);
    expect(most.error).toBeUndefined();
    expect(oneMore.error).toMatchObject({
      errorClass: "capacity_queue",
      needed: embedLimits.tokens_max + tokens.length,
      available: embedLimits.tokens_max,
    });
    most.abort();
    await clock.advance(0);
  });

  it("that never get a turn are refused in time", async () => {
    const { run, clock } = await bench({ firstToken_ms: embedLimits.queueTimeout_ms * 2, faults: [] });
    run("first", embedding("hi"));
    const waiting = run("second", embedding("hi"));
    await clock.advance(embedLimits.queueTimeout_ms - 1);
    expect(waiting.error).toBeUndefined();
    await clock.advance(1);
    expect(waiting.error).toMatchObject({ errorClass: "capacity_queue" });
  });
});

describe("cancellation", () => {
  it("fails what has shown nothing, and ends what has with what was computed", async () => {
    const { run, clock, model } = await bench({ firstToken_ms: 100 });
    const seen = run("a", embedding("the", "the way", "the way"));
    const unseen = run("b", embedding("hi"));
    await clock.advance(50);
    unseen.abort();
    await clock.advance(0);
    expect(unseen.error).toMatchObject({ errorClass: "cancelled" });
    await clock.advance(100);
    seen.abort();
    await clock.advance(0);
    expect(seen.error).toBeUndefined();
    expect(seen.events.at(-1)).toMatchObject({ type: "finish", reason: "cancelled", usage: { promptTokens: 1, completionTokens: 0 } });
    expect(model.slot()).toMatchObject({ state: "idle", token_budget_used: 0 });
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("faults", () => {
  it("of the engine fail the request alone", async () => {
    const { run, clock } = await bench({ faults: [{ kind: "error", at: "first_token", times: 1 }] });
    const struck = run("a", embedding("hi"));
    const spared = run("b", embedding("hi"));
    await clock.advance(1);
    expect(struck.error).toMatchObject({ errorClass: "internal" });
    expect(spared.events.at(-1)?.type).toBe("finish");
  });

  it("of silence are a crash, told once, and end every request", async () => {
    const { run, clock, crashes, model } = await bench({ faults: [{ kind: "stall", at: "first_token" }] });
    const first = run("a", embedding("hi"));
    await clock.advance(embedLimits.silence_ms - 1);
    const second = run("b", embedding("hi"));
    await clock.advance(1000);
    expect([first.error, second.error]).toMatchObject([{ errorClass: "engine_crash" }, { errorClass: "engine_crash" }]);
    expect(model.slot().state).toBe("crashed");
    expect(crashes()).toBe(1);
    const later = run("c", embedding("hi"));
    await clock.advance(0);
    expect(later.error).toMatchObject({ errorClass: "engine_crash" });
  });

  it("do not happen to a request when the model is unloaded in good order", async () => {
    const { run, clock, model } = await bench({ firstToken_ms: 100 });
    const record = run("a", embedding("hi"));
    await clock.advance(10);
    await model.dispose();
    await clock.advance(0);
    expect(record.error).toMatchObject({ errorClass: "not_loaded" });
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("the bundled embedding model", () => {
  it("answers with its own vectors, and knows no shorter ones", async () => {
    const path = fileURLToPath(new URL("../../../../models/sprout-embed/sprout-embed-3m-q8_0.gguf", import.meta.url));
    const engine = createLlamaEngine({ clock: systemClock });
    const loaded = await engine.loadEmbedder(
      { buildId: "b", path },
      { sequences: 1, contextLength_tokens: 512, threads_max: 1, gpuLayers: 0 },
    );
    const model = createEmbedModel({ loaded, info, clock: systemClock, concurrency: 4 });
    const ask = async (task: Task, requestId: string) => {
      const events: ChatEvent[] = [];
      const request = chatRequest.parse({ model: "vectors", messages: [], task });
      const { signal } = new AbortController();
      for await (const event of model.run(request, { requestId, cacheScope: undefined, signal, onPhase: () => undefined }))
        events.push(event);
      return events;
    };
    const [vector] = vectorsOf(await ask(embedding("A dog ran home."), "a"));
    expect(vector).toEqual(await loaded.embed(loaded.encode("A dog ran home.")));
    await expect(ask({ ...embedding("A dog ran home."), dimensions: 96 }, "b")).rejects.toMatchObject({ param: "dimensions" });
    await model.dispose();
    await engine.dispose();
  });
});
