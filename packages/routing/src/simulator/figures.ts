import type { FailureClass } from "../retry-policy.js";

interface Percentiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly mean: number;
}

/** How one policy did in one run, the warm-up left out. */
export interface Figures {
  readonly requests: number;
  readonly completed: number;
  /** Completed, with the first token and the rate that the scenario's target asks for. */
  readonly good: number;
  readonly goodput_perSecond: number;
  readonly goodShare: number;
  readonly written_tps: number;
  /** From arrival at the coordinator to the first content there, whatever had to be tried in between. */
  readonly ttft_ms: Percentiles;
  readonly total_ms: Percentiles;
  readonly decode_tps: { readonly p5: number; readonly p50: number };
  readonly refused: number;
  readonly refusals: Readonly<Record<string, number>>;
  /** Whose consumers had left before they were answered to the end; no share counts them. */
  readonly left: number;
  /** Answers that ended in the middle. */
  readonly brokenOff: number;
  readonly attemptFailures: Readonly<Partial<Record<FailureClass, number>>>;
  /** Of the refusals: while some machine would have begun to answer within the target. */
  readonly falseRejectionShare: number;
  readonly queued: number;
  readonly hedges: number;
  readonly hedgesWon: number;
  readonly retries: number;
  /** Requests placed where their build was not in memory, and loads of builds for whatever reason. */
  readonly coldDispatches: number;
  readonly loads: number;
  readonly unloads: number;
  /** Read or written for an answer that nobody saw. */
  readonly wasted_tokens: { readonly hedging: number; readonly retrying: number };
  /** The same over all tokens of completed requests. */
  readonly extraWork: { readonly hedging: number; readonly retrying: number };
  /** Of prompt tokens that an earlier turn had said, those found in a machine's cache. */
  readonly prefixHitShare: number;
  /** Jain's index over accounts of the share of requests answered well: 1 is all alike. */
  readonly fairness: number;
  /** Over machines, of the tokens they wrote: 0 is all alike. */
  readonly loadGini: number;
  /** Streams written over places. */
  readonly utilisation: number;
  /** Machines looked at for one selection. */
  readonly visits: { readonly mean: number; readonly p99: number };
  /** True time to the first token where a request was placed, less the least on any machine just then. Sampled. */
  readonly regret_ms: { readonly mean: number; readonly p95: number };
  /** Of every decision and end: equal digests are equal runs. */
  readonly digest: string;
}

/** One point of the plots over time: what happened since the one before. */
export interface Point {
  readonly at_s: number;
  readonly requests_perSecond: number;
  readonly goodput_perSecond: number;
  readonly ttft_p50_ms: number;
  readonly ttft_p95_ms: number;
  readonly ttft_p99_ms: number;
  readonly utilisation: number;
  readonly busyShare: number;
  readonly waiting: number;
  readonly hedges: number;
  readonly retries: number;
  readonly loads: number;
  readonly refusals: Readonly<Record<string, number>>;
  readonly fairness: number;
}

/** Jain, Chiu and Hawe (1984): 1 when all are alike, 1/n when one has everything. Of nothing, or where nobody has anything, 1. */
export function jain(values: readonly number[]): number {
  const sum = values.reduce((total, value) => total + value, 0);
  const squares = values.reduce((total, value) => total + value * value, 0);
  return squares === 0 ? 1 : (sum * sum) / (values.length * squares);
}

/** 0 when all are alike, towards 1 when one has everything. */
export function gini(values: ArrayLike<number>): number {
  const sorted = Float64Array.from(values).sort();
  let sum = 0;
  let weighted = 0;
  for (const [index, value] of sorted.entries()) {
    sum += value;
    weighted += (index + 1) * value;
  }
  return sum === 0 ? 0 : (2 * weighted) / (sorted.length * sum) - (sorted.length + 1) / sorted.length;
}
