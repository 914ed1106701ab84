import type { FailureClass } from "../retry-policy.js";
import type { DispatchEffect, DispatchInput } from "./types.js";

/** One machine that is trying to answer first. */
export interface Racer {
  readonly number: number;
  readonly machineId: string;
  readonly version: string;
  readonly start_ms: number;
  /** How long it has without loading. */
  readonly allowed_ms: number;
  /** Absolute: whatever happens in between, the attempt has failed when it comes. */
  readonly deadline_ms: number;
  /** Since when it has been loading the model; undefined when it is not. */
  readonly loadingSince_ms: number | undefined;
  readonly progress: number;
  /** Time it has spent loading, up to `loadingSince_ms`. */
  readonly loaded_ms: number;
  readonly preambleEvents: number;
}

/** What a search for an answer remembers over its attempts. */
export interface Search {
  readonly input: DispatchInput;
  /** Of the next attempt. */
  readonly number: number;
  readonly excluded: ReadonlySet<string>;
  readonly avoidVersion: string | undefined;
  readonly failures: number;
  /** By the status in which such failures end; those that end alike share one allowance. */
  readonly failuresByStatus: Readonly<Record<number, number>>;
  readonly last: { readonly racer: number; readonly failure: FailureClass } | undefined;
  /** Until which a further attempt may begin; infinite before the first. */
  readonly budgetEnd_ms: number;
}

export type DispatchState =
  /** A `reserve` effect is being carried out; `racers` run meanwhile when it is for a hedge. */
  | { readonly stage: "selecting"; readonly search: Search; readonly racers: readonly Racer[]; readonly isHedge: boolean }
  | { readonly stage: "queued"; readonly search: Search }
  /** `hedgeAt_ms` is infinite when no second machine is to be asked (any more). */
  | { readonly stage: "racing"; readonly search: Search; readonly racers: readonly Racer[]; readonly hedgeAt_ms: number }
  | { readonly stage: "answering"; readonly search: Search; readonly racer: Racer; readonly idleEnd_ms: number }
  /** The consumer has left, and the ledger is being told; the end of the answer may come meanwhile. */
  | { readonly stage: "parking"; readonly input: DispatchInput; readonly racer: number }
  | { readonly stage: "draining"; readonly racer: number; readonly graceEnd_ms: number }
  | { readonly stage: "done" };

/** What a step has come to. */
export interface Step {
  readonly state: DispatchState;
  readonly effects: readonly DispatchEffect[];
}

export const DONE: DispatchState = Object.freeze({ stage: "done" });

/** The monotonic instant at which the state wants a `tick`; infinite if it waits for others only. */
export function wakeAt_ms(state: DispatchState): number {
  switch (state.stage) {
    case "racing":
      return state.racers.reduce(
        (least_ms, { deadline_ms }) => Math.min(least_ms, deadline_ms),
        Math.min(state.hedgeAt_ms, state.search.input.deadline_ms ?? Number.POSITIVE_INFINITY),
      );
    case "answering":
      return state.idleEnd_ms;
    case "draining":
      return state.graceEnd_ms;
    case "selecting":
    case "queued":
    case "parking":
    case "done":
      return Number.POSITIVE_INFINITY;
  }
}
