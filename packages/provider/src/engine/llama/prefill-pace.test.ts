import { describe, expect, it } from "vitest";
import { createPrefillPace, type PrefillPace } from "./prefill-pace.js";

/** A machine on which a step takes `base_ms`, and so much more for each token. */
interface Machine {
  readonly base_ms: number;
  readonly answer_ms: number;
  readonly promptToken_ms: number;
}

const durationOn = (machine: Machine, answers: number, prompt_tokens: number): number =>
  machine.base_ms + machine.answer_ms * answers + machine.promptToken_ms * prompt_tokens;

/** Runs answers alone for a while, then a prompt beside them. Returns the longest gap in usual gaps, and the pieces it took. */
function longPrompt(pace: PrefillPace, machine: Machine, answers: number, prompt_tokens: number) {
  const usual_ms = durationOn(machine, answers, 0);
  for (let i = 0; i < 20; i++) pace.observe({ answers, prompt_tokens: 0, isShared: false, duration_ms: usual_ms });
  const pieces: number[] = [];
  let [left, longest_ms] = [prompt_tokens, 0];
  while (left > 0) {
    const tokens = Math.min(left, pace.next(answers, false));
    const duration_ms = durationOn(machine, answers, tokens);
    pace.observe({ answers, prompt_tokens: tokens, isShared: false, duration_ms });
    longest_ms = Math.max(longest_ms, duration_ms);
    left -= tokens;
    pieces.push(tokens);
  }
  return { stretch: longest_ms / usual_ms, pieces };
}

const card: Machine = { base_ms: 12, answer_ms: 0.1, promptToken_ms: 0.05 };

describe("pace of prompts", () => {
  const machines: [string, Machine][] = [
    ["a small model on a processor", { base_ms: 2, answer_ms: 0.5, promptToken_ms: 0.3 }],
    ["a large model on a processor", { base_ms: 150, answer_ms: 20, promptToken_ms: 20 }],
    ["a graphics card", card],
    ["a small model far into its context", { base_ms: 2, answer_ms: 0.5, promptToken_ms: 1.6 }],
  ];

  it.each(machines)("keeps running answers within four usual gaps on %s", (_, machine) => {
    const pace = createPrefillPace(512);
    for (const answers of [1, 8, 1]) expect(longPrompt(pace, machine, answers, 2000).stretch).toBeLessThan(4);
  });

  it("computes large pieces where they cost little, so that the prompt is done soon", () => {
    const { pieces } = longPrompt(createPrefillPace(512), card, 8, 2000);
    expect(Math.max(...pieces)).toBeGreaterThan(100);
    expect(pieces.length).toBeLessThan(45);
  });

  it("takes the largest piece while nobody waits, and smaller ones where that takes long", () => {
    const pace = createPrefillPace(128);
    const quiet = { answers: 0, isShared: false };
    expect(pace.next(0, false)).toBe(128);
    pace.observe({ ...quiet, prompt_tokens: 128, duration_ms: 20 });
    expect(pace.next(0, false)).toBe(128);
    for (let i = 0; i < 4; i++) pace.observe({ ...quiet, prompt_tokens: 128, duration_ms: 320 });
    expect(pace.next(0, false)).toBe(100);
    for (let i = 0; i < 30; i++) pace.observe({ ...quiet, prompt_tokens: pace.next(0, false), duration_ms: 60_000 });
    expect(pace.next(0, false)).toBe(32);
    for (let i = 0; i < 10; i++) pace.observe({ ...quiet, prompt_tokens: pace.next(0, false), duration_ms: 20 });
    expect(pace.next(0, false)).toBe(128);
  });

  it("makes shorter steps while another model waits for its turn", () => {
    const pace = createPrefillPace(512);
    for (let i = 0; i < 20; i++) {
      const prompt_tokens = pace.next(0, true);
      pace.observe({ answers: 0, prompt_tokens, isShared: true, duration_ms: prompt_tokens });
    }
    expect(pace.next(0, false)).toBe(512);
    expect(pace.next(0, true)).toBeGreaterThan(30);
    expect(pace.next(0, true)).toBeLessThanOrEqual(50);
  });

  it("takes no notice of a slow step or two", () => {
    const pace = createPrefillPace(128);
    pace.observe({ answers: 1, prompt_tokens: 0, isShared: false, duration_ms: 10 });
    const observe = (duration_ms: number) => pace.observe({ answers: 1, prompt_tokens: pace.next(1, false), isShared: false, duration_ms });
    for (const duration_ms of [13, 17, 400, 400]) observe(duration_ms);
    expect(pace.next(1, false)).toBe(5);
    observe(400);
    expect(pace.next(1, false)).toBe(2);
  });

  it("is not misled by steps that were slow because the machine did something else", () => {
    const machine: Machine = { base_ms: 2, answer_ms: 0.5, promptToken_ms: 0.3 };
    const usual_ms = durationOn(machine, 8, 0);
    const pace = createPrefillPace(128);
    let state = 1;
    const isHeldUp = (): boolean => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state / 2 ** 32 < 0.2;
    };
    const stretches: number[] = [];
    for (let i = 0; i < 2000; i++) {
      const prompt_tokens = pace.next(8, false);
      const own_ms = durationOn(machine, 8, prompt_tokens);
      stretches.push(own_ms / usual_ms);
      pace.observe({ answers: 8, prompt_tokens, isShared: false, duration_ms: isHeldUp() ? own_ms * 50 : own_ms });
    }
    expect(Math.max(...stretches)).toBeLessThan(4);
  });

  it("looks now and then at what is usual, which changes with what else the machine does", () => {
    const pace = createPrefillPace(128);
    const step = (busy: number): number => {
      const prompt_tokens = pace.next(8, false);
      pace.observe({ answers: 8, prompt_tokens, isShared: false, duration_ms: busy * (4 + prompt_tokens * 0.4) });
      return prompt_tokens;
    };
    pace.observe({ answers: 8, prompt_tokens: 0, isShared: false, duration_ms: 4 });
    const quiet = Array.from({ length: 100 }, () => step(1));
    const busy = Array.from({ length: 400 }, () => step(10));
    expect(quiet.filter((tokens) => tokens === 0)).toHaveLength(7);
    expect(Math.min(...busy.filter((tokens) => tokens > 0))).toBe(2);
    // Everything takes ten times as long, so pieces end up as large as before.
    expect(Math.max(...busy.slice(-10))).toBeGreaterThanOrEqual(5);
    expect(Math.max(...quiet.slice(-10))).toBeGreaterThanOrEqual(5);
  });

  it("does not learn from the last tokens of a prompt that more would cost as little", () => {
    const pace = createPrefillPace(128);
    pace.observe({ answers: 2, prompt_tokens: 0, isShared: false, duration_ms: 10 });
    for (let i = 0; i < 10; i++) pace.observe({ answers: 2, prompt_tokens: 1, isShared: false, duration_ms: 11 });
    expect(pace.next(2, false)).toBe(4);
    pace.observe({ answers: 2, prompt_tokens: 4, isShared: false, duration_ms: 11 });
    expect(pace.next(2, false)).toBe(5);
  });
});
