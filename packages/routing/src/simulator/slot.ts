import type { SimulatedBuild } from "./fleet-mix.js";
import type { Work } from "./work.js";

/** One build in a machine's memory, or on its way there. */
export interface SimulatedSlot {
  readonly build: number;
  readonly size_gb: number;
  readonly kvBytesPerToken: number;
  ready: boolean;
  /** Holding a place: stalled, reading or writing. */
  running: number;
  /** Those that hold a place. */
  readonly placed: Work[];
  /** Prompt and longest answer of those that hold a place. */
  runningTokens: number;
  readonly waiting: Work[];
  waitingTokens: number;
  /** Smoothed over requests, as the provider's own software does; 0 is not measured. */
  decode_tps: number;
  prefill_tps: number;
  load_ms: number;
  used_ms: number;
}

export function newSlot(build: number, { size_gb, kvBytesPerToken }: SimulatedBuild, ready: boolean, now_ms: number): SimulatedSlot {
  // Spelt out: a large fleet has a hundred thousand, and objects that are spread together take ten times as long.
  return {
    build,
    size_gb,
    kvBytesPerToken,
    ready,
    running: 0,
    placed: [],
    runningTokens: 0,
    waiting: [],
    waitingTokens: 0,
    decode_tps: 0,
    prefill_tps: 0,
    load_ms: 0,
    used_ms: now_ms,
  };
}

/** Weight of the newest observation (`packages/provider/src/batch/rates.ts`). */
const WEIGHT = 0.3;

export function smoothed(before: number, now: number): number {
  return before === 0 ? now : before + WEIGHT * (now - before);
}

export function isIdle(slot: SimulatedSlot): boolean {
  return slot.running === 0 && slot.waiting.length === 0;
}
