import type { Clock } from "@umbel/protocol";
import { createFakeClock } from "@umbel/protocol/testing";
import { describe, expect, it } from "vitest";
import type { z } from "zod";
import { createScriptedEngine, type LoadedModel, scriptedEngineScript } from "../engine/index.js";
import { type Batcher, batchLimits, createBatcher } from "./batcher.js";
import type { BatchEvent, BatchRequest } from "./entry.js";
import { laneOf } from "./lane.js";

interface Bench {
  readonly clock: ReturnType<typeof createFakeClock>;
  readonly batcher: Batcher;
  readonly crashes: () => number;
  run(id: string, options?: Partial<BatchRequest>): { events: BatchEvent[]; phases: string[]; cancel: () => void };
}

async function bench(
  script: z.input<typeof scriptedEngineScript>,
  sequences = 2,
  changed: (loaded: LoadedModel) => LoadedModel = (loaded) => loaded,
): Promise<Bench> {
  const clock = createFakeClock();
  const engine = createScriptedEngine(scriptedEngineScript.parse(script), {
    clock: clock as Clock,
    random: () => 0.1,
    crash: () => undefined,
  });
  const loading = engine.load({ buildId: "b", path: "" }, { sequences, contextLength_tokens: 1000 });
  await clock.advance(0);
  const loaded = changed(await loading);
  let crashes = 0;
  const batcher = createBatcher({ loaded, clock, onEngineCrash: () => (crashes += 1) });
  return {
    clock,
    batcher,
    crashes: () => crashes,
    run(id, options = {}) {
      const abort = new AbortController();
      const phases: string[] = [];
      const events: BatchEvent[] = [];
      const stream = batcher.submit({
        id,
        lane: "ada",
        generate: { tokens: loaded.tokenize("hello", false), maxTokens: 10, sampling: { temperature: 0, seed: 1 } },
        signal: abort.signal,
        onPhase: (phase) => phases.push(phase),
        ...options,
      });
      void (async () => {
        for await (const event of stream) events.push(event);
      })();
      return { events, phases, cancel: () => abort.abort() };
    },
  };
}

const last = (run: { events: BatchEvent[] }) => run.events.at(-1);

describe("admission", () => {
  it("runs as many as there are sequences and lets the others wait", async () => {
    const { run, batcher, clock } = await bench({ tokens_per_s: 10, answerTokens: 5 });
    const runs = ["a", "b", "c"].map((id) => run(id));
    expect(batcher.figures()).toMatchObject({ state: "running", running: 2, waiting: 1, reserved_tokens: 45 });
    await clock.advance(400);
    expect(runs.map(({ events }) => events.length)).toEqual([7, 7, 2]);
    await clock.advance(400);
    expect(last(runs[2] ?? { events: [] })).toEqual({ type: "end", reason: "stop" });
    expect(runs[2]?.phases).toEqual(["queued", "prefilling", "decoding"]);
    expect(runs[0]?.phases).toEqual(["prefilling", "decoding"]);
    expect(batcher.figures()).toMatchObject({ state: "idle", running: 0, waiting: 0, active_tokens: 0, reserved_tokens: 0 });
    expect(clock.pendingTimers).toBe(0);
  });

  it("lets lanes take turns, first come first served within each", async () => {
    const { run, clock } = await bench({ tokens_per_s: 10, answerTokens: 1 }, 1);
    const order: string[] = [];
    const note = (id: string, lane: string) => run(id, { lane, onPhase: (phase) => phase === "prefilling" && order.push(id) });
    for (const id of ["a1", "a2", "a3", "a4"]) note(id, "ada");
    for (const id of ["b1", "b2"]) note(id, "bob");
    note("c1", "cy");
    await clock.advance(2000);
    expect(order).toEqual(["a1", "a2", "b1", "c1", "a3", "b2", "a4"]);
  });

  it("lets this machine's own programs take turns with the accounts of a coordinator, however much either asks", async () => {
    const { run, clock } = await bench({ tokens_per_s: 10, answerTokens: 1 }, 1);
    const order: string[] = [];
    const ask = (scope: string, times: number) => {
      for (let i = 0; i < times; i++) {
        run(`${scope}-${i}`, { lane: laneOf(scope), onPhase: (phase) => phase === "prefilling" && order.push(scope) });
      }
    };
    ask("account-a.key", 50);
    ask("account-b.key", 50);
    ask("local", 2);
    ask("local.one-program", 2);
    ask("local.another", 2);
    await clock.advance(2000);
    // However many keys they use, own programs are one lane, as an account is.
    expect(order.flatMap((scope, at) => (scope.startsWith("local") ? [at] : []))).toEqual([3, 6, 9, 12, 15, 18]);
  });

  it("refuses a request beyond the queue, and an id that is in use", async () => {
    const { run } = await bench({ tokens_per_s: 1 }, 1);
    for (let i = 0; i <= batchLimits.queued_max; i++) run(`r${i}`, { lane: i % 2 === 0 ? "ada" : "bob" });
    expect(() => run("more")).toThrow(expect.objectContaining({ errorClass: "capacity_queue", figures: { needed: 129, available: 128 } }));
    expect(() => run("r0")).toThrow(expect.objectContaining({ errorClass: "capacity_slots" }));
    expect(() => run("r100")).toThrow(expect.objectContaining({ errorClass: "capacity_slots" }));
  });

  it("keeps some of the queue from a lane that would fill it", async () => {
    const { run } = await bench({ tokens_per_s: 1 }, 1);
    for (let i = 0; i <= batchLimits.queuedOfLane_max; i++) run(`r${i}`);
    expect(() => run("more")).toThrow(expect.objectContaining({ errorClass: "capacity_queue", figures: { needed: 113, available: 112 } }));
    for (let i = batchLimits.queuedOfLane_max; i < batchLimits.queued_max; i++) run(`b${i}`, { lane: "bob" });
    expect(() => run("last", { lane: "cy" })).toThrow(expect.objectContaining({ errorClass: "capacity_queue" }));
  });

  it("refuses what has waited too long, but not what is running", async () => {
    const { run, clock } = await bench({ tokens_per_s: 0.01, answerTokens: 1, firstToken_ms: 100_000 }, 1);
    const running = run("a");
    const waiting = run("b");
    const behind = run("c");
    await clock.advance(batchLimits.queueTimeout_ms - 1);
    expect(last(waiting)).toBeUndefined();
    await clock.advance(1);
    expect(last(running)).toMatchObject({ type: "end" });
    expect(waiting.phases).toContain("prefilling");
    expect(last(behind)).toMatchObject({ type: "failed", error: { errorClass: "capacity_queue" } });
  });

  it("starts what the cache has room for, prompt and longest answer, and lets none overtake", async () => {
    const { run, clock, batcher } = await bench({ tokens_per_s: 10, answerTokens: 5, cache_tokens: 40 }, 8);
    const sized = (id: string, maxTokens: number) =>
      run(id, { lane: id, generate: { tokens: new Int32Array(5), maxTokens, sampling: { temperature: 0, seed: 1 } } });
    const runs = [sized("a", 15), sized("large", 30), sized("small", 5)];
    expect(batcher.figures()).toMatchObject({ running: 1, waiting: 2 });
    await clock.advance(400);
    expect(batcher.figures()).toMatchObject({ running: 1, waiting: 1, reserved_tokens: 35 + 10 });
    await clock.advance(800);
    expect(runs.map(last)).toEqual([
      { type: "end", reason: "stop" },
      { type: "end", reason: "stop" },
      { type: "end", reason: "length" },
    ]);
    expect(() => sized("never", 36)).toThrow(
      expect.objectContaining({ errorClass: "capacity_kv", figures: { needed: 41, available: 40 } }),
    );
  });

  it("passes on why the engine refuses", async () => {
    const { run, clock } = await bench({});
    const tooLong = run("a", { generate: { tokens: new Int32Array(900), maxTokens: 101, sampling: { temperature: 0 } } });
    await clock.advance(0);
    expect(last(tooLong)).toMatchObject({ type: "failed", error: { errorClass: "context_exceeded" } });
  });
});

describe("cancellation", () => {
  it("works while waiting, before the first token and after it, and gives the place to the next", async () => {
    const { run, clock, batcher } = await bench({ firstToken_ms: 100, tokens_per_s: 10, answerTokens: 100 }, 1);
    const first = run("a");
    const waiting = run("b");
    const next = run("c");
    waiting.cancel();
    await clock.advance(0);
    expect(waiting.events).toEqual([{ type: "end", reason: "cancelled" }]);
    first.cancel();
    await clock.advance(0);
    expect(first.events).toEqual([{ type: "end", reason: "cancelled" }]);
    await clock.advance(150);
    next.cancel();
    await clock.advance(0);
    expect(next.events.map(({ type }) => type)).toEqual(["started", "token", "end"]);
    expect(batcher.figures()).toMatchObject({ running: 0, waiting: 0, reserved_tokens: 0 });
    expect(clock.pendingTimers).toBe(0);
  });

  it("does not wait for the engine, which keeps the place until it has let go", async () => {
    let letGo = (): void => undefined;
    const freed = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const { run, clock, batcher } = await bench({ answerTokens: 1 }, 1, (loaded) => ({
      ...loaded,
      generate: (request) =>
        request.maxTokens === 99
          ? {
              cancel: () => freed,
              events: (async function* () {
                yield { type: "started", promptTokens: 1, cachedTokens: 0 } as const;
                await freed;
                yield { type: "end", reason: "cancelled" } as const;
              })(),
            }
          : loaded.generate(request),
    }));
    const stuck = run("a", { generate: { tokens: Int32Array.of(1), maxTokens: 99, sampling: { temperature: 0 } } });
    await clock.advance(0);
    stuck.cancel();
    const next = run("a");
    await clock.advance(0);
    expect(last(stuck)).toEqual({ type: "end", reason: "cancelled" });
    expect(next.events).toEqual([]);
    expect(batcher.figures()).toMatchObject({ running: 1, waiting: 1, reserved_tokens: 100 + 15 });
    letGo();
    await clock.advance(0);
    expect(last(next)).toMatchObject({ type: "end", reason: "stop" });
    expect(batcher.figures()).toMatchObject({ running: 0, waiting: 0, reserved_tokens: 0 });
  });

  it("is immediate for a request that is cancelled when it comes", async () => {
    const { run, clock } = await bench({});
    const late = run("a", { signal: AbortSignal.abort() });
    await clock.advance(0);
    expect(late.events).toEqual([{ type: "end", reason: "cancelled" }]);
  });
});

describe("the watchdog", () => {
  it("declares the engine dead when a running answer falls silent", async () => {
    const { run, clock, crashes, batcher } = await bench({ answerTokens: 5, faults: [{ kind: "stall", at: { afterTokens: 2 } }] }, 1);
    const stalled = run("a");
    const waiting = run("b");
    await clock.advance(batchLimits.silence_ms - batchLimits.sweep_ms);
    expect(crashes()).toBe(0);
    await clock.advance(2 * batchLimits.sweep_ms);
    expect(crashes()).toBe(1);
    expect(last(stalled)).toMatchObject({ type: "failed", error: { errorClass: "engine_crash" } });
    expect(last(waiting)).toMatchObject({ type: "failed" });
    expect(batcher.figures().state).toBe("crashed");
    expect(() => run("c")).toThrow(expect.objectContaining({ errorClass: "engine_crash" }));
    expect(clock.pendingTimers).toBe(0);
  });

  it("does not take a machine that slept for an engine that is silent", async () => {
    const { run, clock, crashes } = await bench({ answerTokens: 5, tokens_per_s: 0.1 }, 1);
    const answer = run("a");
    await clock.advance(15_000);
    clock.sleep(8 * 3_600_000);
    await clock.advance(batchLimits.sweep_ms);
    expect(crashes()).toBe(0);
    await clock.advance(60_000);
    expect(last(answer)).toEqual({ type: "end", reason: "stop" });
  });

  it("gives a long prompt the time it may take", async () => {
    const { run, clock, crashes } = await bench({ firstToken_ms: 150_000 }, 1);
    const prompt_tokens = 800;
    const slow = run("a", { generate: { tokens: new Int32Array(prompt_tokens), maxTokens: 10, sampling: { temperature: 0 } } });
    await clock.advance(150_000);
    expect(prompt_tokens / batchLimits.assumedPrefill_tps).toBeGreaterThan(30);
    expect(crashes()).toBe(0);
    expect(last(slow)).toMatchObject({ type: "end" });
  });
});

describe("figures", () => {
  it("count tokens of running requests and measure speeds", async () => {
    const { run, clock, batcher } = await bench({ firstToken_ms: 500, tokens_per_s: 20, answerTokens: 9 });
    run("a");
    await clock.advance(600);
    expect(batcher.figures()).toMatchObject({ running: 1, active_tokens: 5 + 3, reserved_tokens: 15, decode_tps: undefined });
    await clock.advance(1000);
    expect(batcher.figures().decode_tps).toBeCloseTo(20);
    expect(batcher.figures().prefill_tps).toBeCloseTo(10);
  });
});

describe("stopping", () => {
  it("ends everything and refuses what comes later", async () => {
    const { run, clock, batcher } = await bench({ tokens_per_s: 1 }, 1);
    const running = run("a");
    const waiting = run("b");
    await batcher.stop();
    await clock.advance(0);
    for (const run of [running, waiting]) expect(last(run)).toMatchObject({ type: "failed", error: { errorClass: "not_loaded" } });
    expect(() => run("c")).toThrow(expect.objectContaining({ errorClass: "not_loaded" }));
    expect(clock.pendingTimers).toBe(0);
  });
});
