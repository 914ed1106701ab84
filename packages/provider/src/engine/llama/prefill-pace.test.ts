import { describe, expect, it } from "vitest";
import { createPrefillPace, type PrefillPace } from "./prefill-pace.js";

/** A machine on which a step takes `base_ms`, and so much more for each token. */
interface Machine {
  readonly base_ms: number;
  readonly answer_ms: number;
  readonly promptToken_ms: number;
}

/** What the next tokens of so many answers take. */
const usualOn = (machine: Machine, answers: number): number => machine.base_ms + machine.answer_ms * answers;
const pieceOn = (machine: Machine, prompt_tokens: number): number => machine.base_ms + machine.promptToken_ms * prompt_tokens;

/** A long prompt beside answers. Returns the longest gap in usual gaps, and the pieces it took. */
function longPrompt(pace: PrefillPace, machine: Machine, answers: number, prompt_tokens: number) {
  const usual_ms = usualOn(machine, answers);
  const pieces: number[] = [];
  let [position_tokens, longest_ms] = [0, 0];
  pace.answered(answers, usual_ms);
  while (position_tokens < prompt_tokens) {
    pace.answered(answers, usual_ms);
    const surroundings = { answers, isShared: false, position_tokens };
    const tokens = Math.min(prompt_tokens - position_tokens, pace.next(surroundings));
    const piece_ms = pieceOn(machine, tokens);
    pace.observe(surroundings, tokens, piece_ms);
    longest_ms = Math.max(longest_ms, usual_ms + piece_ms);
    position_tokens += tokens;
    pieces.push(tokens);
  }
  return { stretch: longest_ms / usual_ms, pieces };
}

const beside = (answers: number, position_tokens = 0) => ({ answers, isShared: false, position_tokens });

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
    expect(Math.max(...pieces)).toBeGreaterThan(50);
    expect(pieces.length).toBeLessThan(45);
  });

  it("takes the largest piece while nobody waits, and smaller ones where that takes long", () => {
    const pace = createPrefillPace(128);
    expect(pace.next(beside(0))).toBe(128);
    pace.observe(beside(0), 128, 20);
    expect(pace.next(beside(0))).toBe(128);
    for (let i = 0; i < 4; i++) pace.observe(beside(0), 128, 320);
    expect(pace.next(beside(0))).toBe(99);
    for (let i = 0; i < 30; i++) pace.observe(beside(0), pace.next(beside(0)), 60_000);
    expect(pace.next(beside(0))).toBe(32);
    for (let i = 0; i < 10; i++) pace.observe(beside(0), pace.next(beside(0)), 20);
    expect(pace.next(beside(0))).toBe(128);
  });

  it("makes shorter steps while another model waits for its turn", () => {
    const pace = createPrefillPace(512);
    const shared = { answers: 0, isShared: true, position_tokens: 0 };
    for (let i = 0; i < 20; i++) pace.observe(shared, pace.next(shared), pace.next(shared));
    expect(pace.next(beside(0))).toBe(512);
    expect(pace.next(shared)).toBeGreaterThan(30);
    expect(pace.next(shared)).toBeLessThanOrEqual(50);
  });

  it("takes no notice of a slow piece or two", () => {
    const pace = createPrefillPace(128);
    pace.answered(1, 10);
    for (let i = 0; i < 20; i++) pace.observe(beside(1), pace.next(beside(1)), pace.next(beside(1)));
    const usually = pace.next(beside(1));
    for (let i = 0; i < 2; i++) pace.observe(beside(1), usually, 400);
    expect(pace.next(beside(1))).toBe(usually);
    pace.observe(beside(1), usually, 400);
    expect(pace.next(beside(1))).toBe(2);
  });

  it("is not misled by steps that were slow because the machine did something else", () => {
    const machine: Machine = { base_ms: 2, answer_ms: 0.5, promptToken_ms: 0.3 };
    const usual_ms = usualOn(machine, 8);
    const pace = createPrefillPace(128);
    pace.answered(8, usual_ms);
    let state = 1;
    const held = (own_ms: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state / 2 ** 32 < 0.2 ? own_ms * 50 : own_ms;
    };
    const stretches: number[] = [];
    for (let i = 0; i < 2000; i++) {
      pace.answered(8, held(usual_ms));
      const tokens = pace.next(beside(8));
      const own_ms = pieceOn(machine, tokens);
      stretches.push((usual_ms + own_ms) / usual_ms);
      pace.observe(beside(8), tokens, held(own_ms));
    }
    expect(Math.max(...stretches)).toBeLessThan(4);
  });

  it("goes by what answers take now, which changes with what else the machine does", () => {
    const pace = createPrefillPace(128);
    const step = (busy: number): number => {
      pace.answered(8, busy * 4);
      const tokens = pace.next(beside(8));
      pace.observe(beside(8), tokens, busy * tokens * 0.4);
      return tokens;
    };
    const quiet = Array.from({ length: 100 }, () => step(1));
    const busy = Array.from({ length: 100 }, () => step(10));
    // Everything takes ten times as long, so pieces stay as large as before.
    for (const pieces of [quiet, busy]) expect(Math.min(...pieces.slice(-20))).toBeGreaterThan(8);
    expect(Math.max(...busy)).toBeLessThanOrEqual(20);
  });

  it("holds a step against answers that grow while a prompt is read, so that it is done before they have grown much", () => {
    const pace = createPrefillPace(128);
    const stretches: number[] = [];
    let steps = 0;
    for (let position_tokens = 0; position_tokens < 2_000; steps += 1) {
      const answers_ms = 4 + steps * 0.01;
      pace.answered(8, answers_ms);
      const tokens = pace.next(beside(8, position_tokens));
      const piece_ms = 1 + tokens * (0.2 + position_tokens * 0.001);
      pace.observe(beside(8, position_tokens), tokens, piece_ms);
      stretches.push((answers_ms + piece_ms) / answers_ms);
      position_tokens += tokens;
    }
    expect(Math.max(...stretches)).toBeLessThan(2.7);
    expect(steps).toBeLessThan(400);
  });

  it("goes by what was learnt beside other numbers of answers, which short prompts change often", () => {
    const pace = createPrefillPace(128);
    const settle = (answers: number): number => {
      pace.answered(answers, 2 + answers / 2);
      for (let i = 0; i < 30; i++) pace.observe(beside(answers), pace.next(beside(answers)), 1 + pace.next(beside(answers)) / 2);
      return pace.next(beside(answers));
    };
    const besideFour = settle(4);
    pace.answered(2, 3);
    const besideTwo = pace.next(beside(2));
    expect(besideTwo).toBeLessThan(besideFour);
    expect(settle(2)).toBe(besideTwo);
  });

  it("makes up within a step for answers that were late in it", () => {
    const pace = createPrefillPace(128);
    for (let i = 0; i < 30; i++) {
      pace.answered(8, 4);
      pace.observe(beside(8), pace.next(beside(8)), 1 + pace.next(beside(8)) / 2);
    }
    const usually = pace.next(beside(8));
    pace.answered(8, 7);
    expect(pace.next(beside(8))).toBeLessThan(usually / 1.5);
    pace.answered(8, 40);
    expect(pace.next(beside(8))).toBe(2);
    pace.answered(8, 4);
    expect(pace.next(beside(8))).toBe(usually);
  });

  it("begins with less of a prompt that goes on far from where the last one was", () => {
    const pace = createPrefillPace(128);
    pace.answered(8, 10);
    for (let i = 0; i < 20; i++) pace.observe(beside(8, i), pace.next(beside(8, i)), pace.next(beside(8, i)));
    const near = pace.next(beside(8, 20));
    expect(near).toBeGreaterThan(8);
    expect(pace.next(beside(8, 4000))).toBe(2);
    expect(pace.next(beside(8, 0))).toBeGreaterThanOrEqual(near);
  });

  it("does not learn from the last tokens of a prompt that more would cost as little", () => {
    const pace = createPrefillPace(128);
    pace.answered(2, 10);
    for (let i = 0; i < 10; i++) pace.observe(beside(2), 1, 1);
    expect(pace.next(beside(2))).toBe(2);
    pace.observe(beside(2), 2, 1);
    expect(pace.next(beside(2))).toBe(3);
  });
});
