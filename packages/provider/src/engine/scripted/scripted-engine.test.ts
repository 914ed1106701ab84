import { createFakeClock, type FakeClock } from "@umbel/protocol/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { z } from "zod";
import type { EngineEvent, Generation, LoadedModel } from "../engine.js";
import { scriptedEngineScript } from "./script.js";
import { createScriptedEngine } from "./scripted-engine.js";
import { scriptedTokenizer } from "./tokenizer.js";

type Script = z.input<typeof scriptedEngineScript>;

function engineOf(script: Script, clock: FakeClock, crash = () => undefined) {
  return createScriptedEngine(scriptedEngineScript.parse(script), { clock, random: () => 0.5, crash });
}

async function loaded(script: Script, clock: FakeClock, crash?: () => undefined): Promise<LoadedModel> {
  const load = engineOf(script, clock, crash).load({ buildId: "b", path: "" }, { sequences: 4, contextLength_tokens: 4096 });
  await clock.advance(script.load_ms ?? 0);
  return load;
}

function record(generation: Generation): EngineEvent[] {
  const events: EngineEvent[] = [];
  void (async () => {
    for await (const event of generation.events) events.push(event);
  })();
  return events;
}

const textOf = (events: readonly EngineEvent[]) =>
  Buffer.concat(events.map((event) => (event.type === "token" ? event.bytes : new Uint8Array(0)))).toString();
const ask = (model: LoadedModel, text: string, maxTokens = 1000, seed = 1) =>
  model.generate({
    tokens: model.tokenize(`<|im_start|>user\n${text}<|im_end|>\n<|im_start|>assistant\n`, true),
    maxTokens,
    sampling: { temperature: 0, seed },
  });

describe("timing", () => {
  it("loads, answers and streams at the scripted pace, each stream on its own", async () => {
    const clock = createFakeClock();
    const model = await loaded({ load_ms: 500, firstToken_ms: 100, tokens_per_s: 10, answerTokens: 5 }, clock);
    expect(clock.now_ms()).toBe(500);
    const events = [record(ask(model, "hi")), record(ask(model, "hi"))];
    await clock.advance(99);
    expect(events.map((list) => list.length)).toEqual([0, 0]);
    await clock.advance(1);
    expect(events.map((list) => list.length)).toEqual([2, 2]);
    await clock.advance(399);
    expect(events.map((list) => list.length)).toEqual([5, 5]);
    await clock.advance(1);
    expect(events[0]?.at(-1)).toEqual({ type: "end", reason: "stop" });
    expect(clock.pendingTimers).toBe(0);
  });

  it("keeps a pace faster than timers are", async () => {
    const clock = createFakeClock();
    const events = record(ask(await loaded({ tokens_per_s: 3000, answerTokens: 300 }, clock), "hi"));
    await clock.advance(99);
    expect(events.length).toBeLessThan(302);
    await clock.advance(1);
    expect(events).toHaveLength(302);
  });
});

describe("answers", () => {
  it("are words that follow from the seed", async () => {
    const clock = createFakeClock();
    const model = await loaded({ answerTokens: 8 }, clock);
    const answers = [ask(model, "a", 99, 1), ask(model, "b", 99, 1), ask(model, "a", 99, 2)].map(record);
    await clock.advance(1);
    const [first, second, third] = answers.map(textOf);
    expect(first?.split(" ")).toHaveLength(8);
    expect(second).toBe(first);
    expect(third).not.toBe(first);
  });

  it("echo the last user's text, or say a fixed one", async () => {
    const clock = createFakeClock();
    const echo = record(ask(await loaded({ answer: { kind: "echo" } }, clock), "Grüße 🙂\nthere"));
    const fixed = record(ask(await loaded({ answer: { kind: "text", text: "so be it" } }, clock), "hi"));
    await clock.advance(1);
    expect(textOf(echo)).toBe("Grüße 🙂\nthere");
    expect(textOf(fixed)).toBe("so be it");
  });

  it("stop at the limit of tokens", async () => {
    const clock = createFakeClock();
    const events = record(ask(await loaded({ answerTokens: 9 }, clock), "hi", 4));
    await clock.advance(1);
    expect(events).toHaveLength(6);
    expect(events.at(-1)).toEqual({ type: "end", reason: "length" });
  });

  it("tokenise and come back unchanged, whatever the text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.boolean(), (text, special) => {
        expect(scriptedTokenizer.textOf(scriptedTokenizer.tokenize(text, special))).toBe(text);
      }),
    );
    expect(scriptedTokenizer.textOf(scriptedTokenizer.tokenize("<|im_start|>the dog<|im_end|>", true))).toBe(
      "<|im_start|>the dog<|im_end|>",
    );
    expect(scriptedTokenizer.tokenize("<|im_end|>", true)).toHaveLength(1);
    expect(scriptedTokenizer.tokenize("<|im_end|>", false).length).toBeGreaterThan(1);
  });
});

describe("faults", () => {
  it("strike a load, as often as they say", async () => {
    const clock = createFakeClock();
    const engine = engineOf({ faults: [{ kind: "error", at: "load", times: 1 }] }, clock);
    const load = () => engine.load({ buildId: "b", path: "" }, { sequences: 1, contextLength_tokens: 64 });
    const first = expect(load()).rejects.toMatchObject({ code: "internal" });
    await clock.advance(0);
    await first;
    const second = load();
    await clock.advance(0);
    expect((await second).buildId).toBe("b");
  });

  it("end an answer before its first token or after some, for the first requests only", async () => {
    const clock = createFakeClock();
    const model = await loaded({ answerTokens: 6, faults: [{ kind: "error", at: { afterTokens: 2 }, times: 1 }] }, clock);
    const struck = record(ask(model, "hi"));
    const spared = record(ask(model, "hi"));
    await clock.advance(1);
    expect(struck.map(({ type }) => type)).toEqual(["started", "token", "token", "end"]);
    expect(struck.at(-1)).toMatchObject({ reason: "error" });
    expect(spared).toHaveLength(8);
    const early = record(ask(await loaded({ faults: [{ kind: "error", at: "first_token" }] }, clock), "hi"));
    await clock.advance(1);
    expect(early.map(({ type }) => type)).toEqual(["end"]);
  });

  it("stall until cancelled, and crash through the given hand", async () => {
    const clock = createFakeClock();
    let crashes = 0;
    const stalled = await loaded({ faults: [{ kind: "stall", at: { afterTokens: 1 } }] }, clock);
    const generation = ask(stalled, "hi");
    const events = record(generation);
    await clock.advance(60_000);
    expect(events.map(({ type }) => type)).toEqual(["started", "token"]);
    await generation.cancel();
    await clock.advance(0);
    expect(events.at(-1)).toEqual({ type: "end", reason: "cancelled" });
    const crashing = await loaded({ faults: [{ kind: "crash", at: "first_token" }] }, clock, () => {
      crashes += 1;
      return undefined;
    });
    record(ask(crashing, "hi"));
    await clock.advance(1);
    expect(crashes).toBe(1);
  });
});

describe("limits", () => {
  it("are those of a real engine: sequences and context", async () => {
    const clock = createFakeClock();
    const model = await loaded({ tokens_per_s: 1 }, clock);
    const running = Array.from({ length: 4 }, () => ask(model, "hi"));
    expect(() => ask(model, "hi")).toThrow("all sequences are in use");
    await running[0]?.cancel();
    const events = record(ask(model, "hi", 4096));
    await clock.advance(0);
    expect(events).toEqual([expect.objectContaining({ reason: "error", error: expect.objectContaining({ code: "context_exceeded" }) })]);
    await model.dispose();
    expect(clock.pendingTimers).toBe(0);
  });

  it("refuse a script with unknown or impossible parts", () => {
    for (const script of [{ tokens_per_s: 0 }, { load_ms: -1 }, { answer: { kind: "poem" } }, { speed: 4 }]) {
      expect(scriptedEngineScript.safeParse(script).success).toBe(false);
    }
  });
});
