import type { ErrorClass } from "@umbel/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { seededRandom } from "../random.js";
import type { FailureClass } from "../retry-policy.js";
import { reduceDispatch, startDispatch } from "./reduce.js";
import { type DispatchState, type Step, wakeAt_ms } from "./state.js";
import type { DispatchEffect, DispatchEvent, DispatchInput, Place } from "./types.js";

const INTERLEAVINGS = 120_000;
const EVENTS_MAX = 24;

const LIMITS = {
  firstContent_ms: 5_000,
  contentBudget_ms: 12_000,
  loading_ms: 20_000,
  loadingSilence_ms: 8_000,
  idle_ms: 6_000,
  grace_ms: 3_000,
};
const FAILURES: readonly FailureClass[] = [
  ...(["client_request", "context_exceeded", "capacity_kv", "draining", "load_failed_memory", "template_render"] satisfies ErrorClass[]),
  ...(["engine_crash", "timeout", "cancelled", "send_failed", "disconnected", "protocol_violation"] as const),
];

/** A tape of choices: each event takes a few numbers from it. Drawn in lots, because drawing is what takes the time. */
const LOT = 100;
const story = fc.record({
  ...{ seed: fc.nat(), length: fc.nat(EVENTS_MAX * 3), hedges: fc.boolean(), isWhole: fc.boolean() },
  deadline_ms: fc.constantFrom(Number.POSITIVE_INFINITY, 1, 3_000, 9_000),
});
const lot = fc.array(story, { minLength: LOT, maxLength: LOT });

describe("a request, whatever happens in whatever order", () => {
  it(`ends exactly once, gives every place back once, and is not to be moved afterwards (${INTERLEAVINGS} interleavings)`, () => {
    const ends = new Set<string>();
    fc.assert(
      fc.property(lot, (stories) => {
        for (const { seed, length, hedges, isWhole, deadline_ms } of stories) {
          const world = new World(
            { limits: LIMITS, hedgeDelay_ms: hedges ? 1_000 : undefined, isWhole, deadline_ms },
            tapeOf(seed, length),
          );
          world.play();
          world.wind();
          world.check();
          for (const { type } of world.ends) ends.add(type);
        }
      }),
      { numRuns: INTERLEAVINGS / LOT },
    );
    expect([...ends].sort()).toEqual(["abandon", "refuse", "settle"]);
  }, 120_000);
});

function tapeOf(seed: number, length: number): readonly number[] {
  const random = seededRandom(seed);
  return Array.from({ length }, () => Math.floor(random() * 0x10000));
}

/** Of a hundred thousand stories each has dozens of these: a plain throw is fast enough. */
function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(`it must hold: ${what}`);
}

/** Carries out effects as any shell must, and keeps account of what they leave behind. */
class World {
  state: DispatchState;
  now_ms = 0;
  machines = 0;
  /** Racer numbers with a place. */
  readonly places = new Set<number>();
  readonly cancelled = new Set<number>();
  readonly released: number[] = [];
  readonly ends: DispatchEffect[] = [];
  committed: number | undefined;
  brokenOff = 0;
  parked = 0;
  waiting = false;
  #unclaimed = 0;
  #left: ReadonlySet<string> = new Set();
  #next = 0;

  constructor(
    readonly input: DispatchInput,
    readonly tape: readonly number[],
  ) {
    const step = startDispatch(input);
    this.state = step.state;
    this.#carryOut(step);
  }

  play(): void {
    while (this.#next < this.tape.length) this.#happen(this.#anyEvent(this.#draw()));
  }

  /** From here on nothing happens but time, and what is owed: the ledger's answer, and the line's. */
  wind(): void {
    for (let turn = 0; this.state.stage !== "done"; turn += 1) {
      if (turn > 300) throw new Error(`it hangs in ${this.state.stage}`);
      if (this.state.stage === "parking") this.#happen({ type: "parked" });
      else if (this.state.stage === "queued") this.#happen({ type: "queue_refused", reason: "timeout" });
      else {
        const wake_ms = wakeAt_ms(this.state);
        must(wake_ms < Number.POSITIVE_INFINITY, "it waits for a time that comes");
        this.now_ms = Math.max(this.now_ms, wake_ms);
        this.#happen({ type: "tick" });
      }
    }
  }

  check(): void {
    must(this.ends.length === 1, "it ends once");
    must(this.places.size === 0, "no place is kept");
    must(new Set(this.released).size === this.released.length, "a place is given back once");
    must(this.#unclaimed === 0, "no reservation is forgotten");
    must(!this.waiting, "it stands in no line");
    const [end] = this.ends;
    must((end?.type === "settle") === (this.committed !== undefined), "what was shown is settled, and nothing else");
    if (end?.type === "settle") must(end.racer === this.committed, "the winner is settled");
    must(this.brokenOff <= (end?.type === "settle" ? 1 : 0), "only an answer is broken off");
    for (const event of this.#everyEvent()) {
      const { state, effects } = reduceDispatch(this.state, event, this.now_ms + 1e9);
      must(state === this.state && effects.every(({ type }) => type === "return_place"), `no effect of ${event.type} after the end`);
    }
  }

  #happen(event: DispatchEvent): void {
    if (event.type === "queue_assigned") {
      this.#unclaimed += 1;
      must(this.state.stage !== "queued" || !this.#left.has(event.place.machineId), "no machine is waited for that has failed");
      this.waiting = false;
    }
    if (event.type === "queue_refused" && this.state.stage === "queued") this.waiting = false;
    const before = this.state;
    const step = reduceDispatch(before, event, this.now_ms);
    if (before.stage === "done") must(step.state === before, "the end is the end");
    this.state = step.state;
    this.#carryOut(step);
  }

  #carryOut({ effects }: Step): void {
    for (const effect of effects) {
      if (this.ends.length > 0) must(effect.type === "break_off" || effect.type === "return_place", `no ${effect.type} after the end`);
      switch (effect.type) {
        case "reserve":
          this.#reserve(effect);
          break;
        case "enqueue":
          must(!this.waiting && this.places.size === 0, "one waits once, and for nothing while a machine tries");
          must(effect.excluded.size <= effect.number, "only machines that were tried are left out of a wait");
          this.waiting = true;
          this.#left = effect.excluded;
          break;
        case "leave_queue":
          this.waiting = false;
          break;
        case "send":
          // A place that has come is now this racer's.
          must(effect.deadline_ms > 0, "a machine is given time");
          must(!this.places.has(effect.racer), "a racer is sent to once");
          this.places.add(effect.racer);
          this.#unclaimed -= 1;
          break;
        case "return_place":
          this.#unclaimed -= 1;
          break;
        case "cancel":
        case "blame_timeout":
          must(this.places.has(effect.racer), `no ${effect.type} without a place`);
          this.cancelled.add(effect.racer);
          break;
        case "release":
          must(this.places.delete(effect.racer), "only what is held is given back");
          this.released.push(effect.racer);
          break;
        case "commit":
          must(this.committed === undefined, "one racer wins");
          // Only after the losers have gone, and never one that has been given up.
          must(this.places.size === 1 && this.places.has(effect.racer), "the losers have gone");
          must(!this.cancelled.has(effect.racer), "no racer wins that was cancelled");
          this.committed = effect.racer;
          break;
        case "restart":
          must(this.input.isWhole && this.committed !== undefined, "only what nobody has seen begins anew");
          this.committed = undefined;
          break;
        case "park":
          this.parked += 1;
          must(this.parked === 1, "it parks once");
          break;
        case "break_off":
          this.brokenOff += 1;
          break;
        case "refuse":
        case "abandon":
        case "settle":
          this.ends.push(effect);
          break;
      }
    }
  }

  #reserve({ number, excluded, purpose }: Extract<DispatchEffect, { type: "reserve" }>): void {
    const choice = this.#draw();
    must(this.places.size === (purpose === "hedge" ? 1 : 0), "at most two race");
    must(excluded.size <= number, "only machines that were tried are left out");
    if (choice % 4 === 0) this.#happen({ type: "none_available", waitable: choice % 8 === 0 });
    else {
      const place = this.#place(choice);
      must(!excluded.has(place.machineId), "no machine is tried twice");
      this.#unclaimed += 1;
      this.#happen({ type: "reserved", place });
    }
  }

  #place(choice: number): Place {
    this.machines += 1;
    return {
      machineId: `machine-${this.machines}`,
      version: choice % 3 === 0 ? "1.0.0" : "1.1.0",
      ttft_ms: choice % 5 === 0 ? undefined : choice % 6_000,
      mayHedge: choice % 7 !== 0,
    };
  }

  #draw(): number {
    const value = this.tape[this.#next] ?? 1;
    this.#next += 1;
    return value;
  }

  /** Any event at all, also of racers that never were or are gone; now and then only time passes. */
  #anyEvent(choice: number): DispatchEvent {
    const racer = this.#draw() % 4;
    const detail = this.#draw();
    this.now_ms += choice % 3 === 0 ? detail % 4_000 : 0;
    switch (choice % 14) {
      case 0:
        return { type: "queue_assigned", place: this.#place(detail) };
      case 1:
        return { type: "queue_refused", reason: detail % 2 === 0 ? "full" : "timeout" };
      case 2:
        return { type: "accepted", racer, phase: "queued" };
      case 3:
        return { type: "accepted", racer, phase: "loading", ...(detail % 2 === 0 ? {} : { progress: (detail % 100) / 100 }) };
      case 4:
        return { type: "accepted", racer, phase: "prefilling" };
      case 5:
        return { type: "preamble", racer, events: 1 + (detail % 5) };
      case 6:
        return { type: "content", racer };
      case 7:
        return { type: "complete", racer, isAccountValid: detail % 2 === 0 };
      case 8:
        return { type: "failed", racer, failure: FAILURES[detail % FAILURES.length] ?? "internal" };
      case 9:
        return { type: "overflow", racer };
      case 10:
        return detail % 3 === 0 ? { type: "client_gone" } : { type: "tick" };
      case 11:
        return this.state.stage === "parking" ? { type: "parked" } : { type: "tick" };
      case 12:
        return detail % 5 === 0 ? { type: "fault" } : { type: "tick" };
      default:
        return { type: "tick" };
    }
  }

  *#everyEvent(): Iterable<DispatchEvent> {
    yield { type: "client_gone" };
    yield { type: "tick" };
    yield { type: "parked" };
    yield { type: "fault" };
    yield { type: "queue_refused", reason: "timeout" };
    yield { type: "queue_assigned", place: this.#place(1) };
    yield { type: "reserved", place: this.#place(1) };
    yield { type: "none_available", waitable: true };
    for (const racer of [0, 1, 2, 3]) {
      yield { type: "content", racer };
      yield { type: "complete", racer, isAccountValid: true };
      yield { type: "failed", racer, failure: "internal" };
      yield { type: "overflow", racer };
    }
  }
}
