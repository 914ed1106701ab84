import type { ErrorClass } from "@umbel/protocol";
import type { Arrival } from "./arrivals.js";

/** One request on one machine. */
export interface Work {
  /** Of the attempt, over the whole run. */
  readonly id: number;
  /** Of the request, over the whole run. */
  readonly request: number;
  readonly build: number;
  readonly promptTokens: number;
  readonly maxOutputTokens: number;
  readonly outputTokens: number;
  readonly tools: boolean;
  readonly conversation: number | undefined;
  readonly sharedTokens: number;
  /** Its number among the requests of its connection; 0 until it is sent. */
  ordinal: number;

  phase: "away" | "waiting" | "stalled" | "prefill" | "decode";
  /** Holds a place in its slot. */
  placed: boolean;
  cachedTokens: number;
  admitted_ms: number;
  firstToken_ms: number;
  /** On the batch's own clock. */
  decodeStart: number;
  decodeEnd: number;
  /** Until when it does nothing, and what it does then. */
  stalledUntil_ms: number;
  afterStall: "prefill" | "decode";
}

/** What a machine says of a piece of work. */
export type Saying =
  | { readonly type: "accepted"; readonly phase: "loading" | "prefilling"; readonly progress: number }
  | { readonly type: "preamble" }
  | { readonly type: "content" }
  | { readonly type: "complete"; readonly decode_tps: number }
  | { readonly type: "failed"; readonly failure: ErrorClass };

export function workOf(arrival: Omit<Arrival, "at_ms" | "account" | "vision">, id: number): Work {
  return {
    id,
    request: arrival.number,
    build: arrival.build,
    promptTokens: arrival.promptTokens,
    maxOutputTokens: arrival.maxOutputTokens,
    outputTokens: arrival.outputTokens,
    tools: arrival.tools,
    conversation: arrival.conversation,
    sharedTokens: arrival.sharedTokens,
    ordinal: 0,
    phase: "away",
    placed: false,
    cachedTokens: 0,
    admitted_ms: 0,
    firstToken_ms: 0,
    decodeStart: 0,
    decodeEnd: 0,
    stalledUntil_ms: 0,
    afterStall: "prefill",
  };
}

/** What it may come to occupy. */
export function demand_tokens({ promptTokens, maxOutputTokens }: Work): number {
  return promptTokens + maxOutputTokens;
}
