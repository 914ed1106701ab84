import type { DispatchEffect, DispatchState } from "../dispatch/index.js";
import type { RequestSpec } from "../types.js";
import type { Arrival } from "./arrivals.js";
import type { Held } from "./placement.js";
import type { Work } from "./work.js";

/** One request that has not ended. */
export interface LiveRequest {
  readonly arrival: Arrival;
  readonly spec: RequestSpec;
  state: DispatchState;
  /** For which a tick is planned; infinite if none is. */
  tickAt_ms: number;
  /** What it stands in line for; undefined before it has stood in line. */
  waitsFor: Extract<DispatchEffect, { type: "enqueue" }> | undefined;
  /** By racer. */
  readonly attempts: Map<number, Attempt>;
  /** When its first content came; undefined before. */
  firstContent_ms: number | undefined;
  decode_tps: number;
  /** Its consumer has left. */
  hasLeft: boolean;
}

/** What one request wants of one machine. */
export interface Attempt extends Held {
  readonly request: LiveRequest;
  readonly racer: number;
  readonly work: Work;
  readonly purpose: "first" | "retry" | "hedge";
  /** Whether the machine's part in it has been judged; each is once. */
  isJudged: boolean;
  isReleased: boolean;
}
