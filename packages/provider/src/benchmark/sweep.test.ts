import { createFakeClock, type FakeClock } from "@umbel/protocol/testing";
import { describe, expect, it } from "vitest";
import { createScriptedEngine, scriptedEngineScript } from "../engine/index.js";
import { loneRates, type SweepPlan, sweep } from "./sweep.js";

const plan: SweepPlan = { batches: [1, 2, 16], contexts_tokens: [128, 512, 8192], decode_tokens: 10, read_ms_max: 60_000 };
const script = { firstToken_ms: 100, tokens_per_s: 10, answerTokens: 10_000 };

async function modelOf(clock: FakeClock) {
  const engine = createScriptedEngine(scriptedEngineScript.parse(script), { clock, random: () => 0.5, crash: () => undefined });
  const load = engine.load({ buildId: "b", path: "" }, { sequences: 2, contextLength_tokens: 2048 });
  await clock.advance(0);
  return load;
}

/** Lets time pass until the work is done. */
async function passing<T>(clock: FakeClock, work: Promise<T>): Promise<T> {
  let isDone = false;
  const settled = work.finally(() => {
    isDone = true;
  });
  settled.catch(() => undefined);
  for (let i = 0; i < 1_000 && !isDone; i++) await clock.advance(50);
  return settled;
}

describe("a sweep", () => {
  it("measures what there is room for, and says what it left out", async () => {
    const clock = createFakeClock();
    const seen: string[] = [];
    const onPoint = ({ words, index, count }: { words: string; index: number; count: number }) => seen.push(`${index}/${count} ${words}`);
    const { prefill, decode, notes } = await passing(clock, sweep(await modelOf(clock), plan, clock, { onPoint }));
    expect(prefill.map(({ prompt_tokens, elapsed_ms }) => [prompt_tokens, elapsed_ms])).toEqual([
      [128, 100],
      [512, 100],
    ]);
    expect(prefill[1]?.tokens_per_second).toBe(5_120);
    expect(decode.map(({ batch, context_tokens }) => [batch, context_tokens])).toEqual([
      [1, 128],
      [2, 128],
      [1, 512],
      [2, 512],
    ]);
    expect(decode[0]?.tokens_per_second).toBeCloseTo(10, 0);
    expect(decode[1]?.tokens_per_second).toBeGreaterThan(17);
    expect(notes).toEqual(["8192 tokens: the model's context here is 2048", "16 answers at a time: there is memory for 2"]);
    expect(seen[0]).toBe("0/6 reading 128 tokens");
    expect(seen).toHaveLength(6);
    expect(loneRates({ prefill, decode, notes })).toEqual({
      prefill_tps: prefill[1]?.tokens_per_second,
      decode_tps: decode[0]?.tokens_per_second,
    });
    expect(clock.pendingTimers).toBe(0);
  });

  it("leaves out what would take too long to read", async () => {
    const clock = createFakeClock();
    const short = { ...plan, batches: [1, 2], contexts_tokens: [128], read_ms_max: 150 };
    const { decode, notes } = await passing(clock, sweep(await modelOf(clock), short, clock));
    expect(decode.map(({ batch }) => batch)).toEqual([1]);
    expect(notes).toEqual(["2 × 128 tokens: reading them would take 0 s"]);
  });

  it("ends when it is told to", async () => {
    const clock = createFakeClock();
    const controller = new AbortController();
    const work = sweep(await modelOf(clock), plan, clock, { signal: controller.signal, onPoint: () => controller.abort() });
    await expect(passing(clock, work)).rejects.toThrow("aborted");
  });
});
