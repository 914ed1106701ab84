import { describe, expect, it } from "vitest";
import type { FailureClass } from "../retry-policy.js";
import { PREAMBLE_EVENTS_MAX, reduceDispatch, startDispatch } from "./reduce.js";
import { ATTEMPTS_MAX } from "./search.js";
import { type DispatchState, wakeAt_ms } from "./state.js";
import type { DispatchEffect, DispatchEvent, DispatchInput, Place } from "./types.js";

const LIMITS = {
  firstContent_ms: 5_000,
  contentBudget_ms: 120_000,
  loading_ms: 180_000,
  loadingSilence_ms: 90_000,
  idle_ms: 600_000,
  grace_ms: 30_000,
};
const HEDGE_ms = 1_000;

const reserved = (name: string, change: Partial<Place> = {}): DispatchEvent => ({
  type: "reserved",
  place: { machineId: name, version: "1.0.0", ttft_ms: 100, mayHedge: true, ...change },
});
const failed = (racer: number, failure: FailureClass): DispatchEvent => ({ type: "failed", racer, failure });
const NONE: DispatchEvent = { type: "none_available", waitable: false };

/** A request that is led through events; `effects` are those of the last one. */
class Told {
  now_ms = 0;
  state: DispatchState;
  effects: readonly DispatchEffect[];

  constructor(input: Partial<DispatchInput> = {}) {
    ({ state: this.state, effects: this.effects } = startDispatch({ limits: LIMITS, hedgeDelay_ms: undefined, isWhole: false, ...input }));
  }

  hear(...events: DispatchEvent[]): this {
    for (const event of events) ({ state: this.state, effects: this.effects } = reduceDispatch(this.state, event, this.now_ms));
    return this;
  }

  at(now_ms: number): this {
    this.now_ms = now_ms;
    return this.hear({ type: "tick" });
  }

  get words(): string[] {
    return this.effects.map((effect) => ("racer" in effect ? `${effect.type} ${effect.racer}` : effect.type));
  }
}

describe("a request that is dispatched", () => {
  it("is sent, shown from its first content on, and settled by the machine's account", () => {
    const told = new Told();
    expect(told.effects).toMatchObject([{ type: "reserve", purpose: "first", number: 0 }]);
    told.hear(reserved("a"));
    expect(told.effects).toEqual([{ type: "send", racer: 0, deadline_ms: 5_000 }]);
    expect(told.hear({ type: "accepted", racer: 0, phase: "prefilling" }, { type: "preamble", racer: 0, events: 1 }).effects).toEqual([]);
    expect(told.hear({ type: "content", racer: 0 }).words).toEqual(["commit 0"]);
    expect(told.hear({ type: "complete", racer: 0, isAccountValid: true }).effects).toEqual([
      { type: "release", racer: 0 },
      { type: "settle", racer: 0, account: "provider", reason: "complete" },
    ]);
  });

  it("is shown although it has no content when it ends cleanly, and settled by what was relayed when the account is not valid", () => {
    const told = new Told().hear(reserved("a"), { type: "complete", racer: 0, isAccountValid: false });
    expect(told.words).toEqual(["commit 0", "release 0", "settle 0"]);
    expect(told.effects.at(-1)).toMatchObject({ account: "relayed", reason: "complete" });
  });

  it("waits in line where somebody is merely busy, and is refused where nobody would serve it", () => {
    expect(new Told().hear({ type: "none_available", waitable: true }).words).toEqual(["enqueue"]);
    expect(new Told().hear(NONE).effects).toEqual([{ type: "refuse", cause: { type: "nobody" } }]);
    const queued = new Told().hear({ type: "none_available", waitable: true });
    expect(queued.hear({ type: "queue_refused", reason: "deadline" }).effects).toEqual([
      { type: "refuse", cause: { type: "queue", reason: "deadline" } },
    ]);
  });

  it("is refused as too slow where somebody would serve it, and none soon enough, also after a machine has failed", () => {
    const tooSlow = { ...NONE, isTooSlow: true } as const;
    expect(new Told().hear(tooSlow).effects).toEqual([{ type: "refuse", cause: { type: "too_slow" } }]);
    const failedOnce = new Told().hear(reserved("a"), failed(0, "engine_crash"), tooSlow);
    expect(failedOnce.effects).toEqual([{ type: "refuse", cause: { type: "exhausted", racer: 0, failure: "engine_crash", failures: 1 } }]);
    expect(new Told().hear({ ...tooSlow, waitable: true }).words).toEqual(["enqueue"]);
  });

  it("gives a place back that a line assigns after the consumer has left", () => {
    const told = new Told().hear({ type: "none_available", waitable: true }, { type: "client_gone" });
    expect(told.words).toEqual(["leave_queue", "abandon"]);
    const { place } = reserved("a") as Extract<DispatchEvent, { type: "reserved" }>;
    expect(told.hear({ type: "queue_assigned", place }).words).toEqual(["return_place"]);
  });
});

describe("the consumer's deadline", () => {
  it("ends the search for an answer, and blames no machine that still has its time", () => {
    const told = new Told({ deadline_ms: 3_000, hedgeDelay_ms: HEDGE_ms }).hear(reserved("a")).at(HEDGE_ms).hear(reserved("b"));
    expect(wakeAt_ms(told.state)).toBe(3_000);
    expect(told.at(2_999).effects).toEqual([]);
    expect(told.at(3_000).words).toEqual(["cancel 0", "release 0", "cancel 1", "release 1", "refuse"]);
    expect(told.effects.at(-1)).toEqual({ type: "refuse", cause: { type: "deadline" } });
    expect(told.hear({ type: "content", racer: 0 }).effects).toEqual([]);
  });

  it("leaves a machine its own time, and the blame for that", () => {
    const told = new Told({ deadline_ms: 6_000 });
    expect(told.hear(reserved("a")).effects).toEqual([{ type: "send", racer: 0, deadline_ms: 5_000 }]);
    expect(told.at(5_000).words).toEqual(["blame_timeout 0", "cancel 0", "release 0", "reserve"]);
    expect(told.hear(reserved("b")).at(6_000).words).toEqual(["cancel 1", "release 1", "refuse"]);
  });

  it("bounds the wait in line, and lets nothing begin after it", () => {
    const told = new Told({ deadline_ms: 3_000 }).hear({ type: "none_available", waitable: true });
    expect(told.effects).toMatchObject([{ type: "enqueue", until_ms: 3_000 }]);
    const { place } = reserved("a") as Extract<DispatchEvent, { type: "reserved" }>;
    const late = new Told({ deadline_ms: 3_000 }).hear({ type: "none_available", waitable: true });
    late.now_ms = 3_000;
    expect(late.hear({ type: "queue_assigned", place }).effects).toEqual([
      { type: "return_place" },
      { type: "refuse", cause: { type: "deadline" } },
    ]);
    const failedOnce = new Told({ deadline_ms: 3_000 }).hear(reserved("a"), failed(0, "engine_crash"));
    expect(failedOnce.hear({ type: "none_available", waitable: true }).effects).toMatchObject([{ type: "enqueue", until_ms: 3_000 }]);
    const past = new Told({ deadline_ms: 3_000 }).hear(reserved("a"));
    past.now_ms = 3_000;
    expect(past.hear(failed(0, "engine_crash")).effects.at(-1)).toMatchObject({ cause: { type: "exhausted" } });
  });

  it("is of no account once the answer has begun", () => {
    const told = new Told({ deadline_ms: 3_000 }).hear(reserved("a"), { type: "content", racer: 0 });
    expect(told.at(3_000).effects).toEqual([]);
    expect(told.hear({ type: "complete", racer: 0, isAccountValid: true }).words).toEqual(["release 0", "settle 0"]);
  });
});

describe("the first-content deadline", () => {
  it("is not moved by a machine that accepts, queues and says it reads", () => {
    const told = new Told().hear(reserved("a"));
    for (const phase of ["queued", "prefilling"] as const) told.hear({ type: "accepted", racer: 0, phase });
    told.hear({ type: "preamble", racer: 0, events: 1 });
    expect(wakeAt_ms(told.state)).toBe(5_000);
    expect(told.at(5_000).words).toEqual(["blame_timeout 0", "cancel 0", "release 0", "reserve"]);
  });

  it("is later for a machine that was chosen although it is slow", () => {
    expect(wakeAt_ms(new Told().hear(reserved("a", { ttft_ms: 20_000 })).state)).toBe(40_000);
  });

  it("waits for a model that loads, as long as its progress goes on", () => {
    const told = new Told().hear(reserved("a"), { type: "accepted", racer: 0, phase: "loading", progress: 0.1 });
    expect(wakeAt_ms(told.state)).toBe(90_000);
    told.now_ms = 50_000;
    told.hear({ type: "accepted", racer: 0, phase: "loading", progress: 0.1 });
    expect(wakeAt_ms(told.state)).toBe(90_000);
    told.hear({ type: "accepted", racer: 0, phase: "loading", progress: 0.5 });
    expect(wakeAt_ms(told.state)).toBe(140_000);
    told.now_ms = 130_000;
    told.hear({ type: "accepted", racer: 0, phase: "loading", progress: 0.9 });
    expect(wakeAt_ms(told.state)).toBe(180_000);
  });

  it("begins anew once a model has loaded, and the time for loading is added to the budget for all attempts", () => {
    const told = new Told().hear(reserved("a"), { type: "accepted", racer: 0, phase: "loading" });
    told.now_ms = 100_000;
    told.hear({ type: "accepted", racer: 0, phase: "prefilling" });
    expect(wakeAt_ms(told.state)).toBe(105_000);
    told.at(105_000).hear(reserved("b"));
    expect(told.effects).toMatchObject([{ type: "send", deadline_ms: 5_000 }]);
  });

  it("gives a retry no more than is left of the budget for all", () => {
    const told = new Told({ limits: { ...LIMITS, contentBudget_ms: 8_000 } }).hear(reserved("a")).at(5_000).hear(reserved("b"));
    expect(told.effects).toMatchObject([{ type: "send", racer: 1, deadline_ms: 3_000 }]);
    expect(told.at(8_000).effects.at(-1)).toMatchObject({ type: "refuse", cause: { failure: "timeout", failures: 2 } });
  });
});

describe("a failure before the first content", () => {
  it("is followed by another machine, of another version when the fault may lie in the release", () => {
    const told = new Told().hear(reserved("a"), failed(0, "engine_crash"));
    expect(told.effects.at(-1)).toEqual({
      type: "reserve",
      purpose: "retry",
      number: 1,
      excluded: new Set(["a"]),
      avoidVersion: "1.0.0",
      failures: 1,
    });
  });

  it.each<FailureClass>(["client_request", "context_exceeded"])("that is the consumer's own (%s) goes to one machine only", (failure) => {
    const told = new Told({ hedgeDelay_ms: HEDGE_ms }).hear(reserved("a")).at(HEDGE_ms).hear(reserved("b"));
    expect(told.hear(failed(0, failure)).words).toEqual(["cancel 0", "release 0", "cancel 1", "release 1", "refuse"]);
  });

  it("ends the request when the next machine is not there, with what the last one said", () => {
    const told = new Told().hear(reserved("a"), failed(0, "engine_crash"), NONE);
    expect(told.effects).toEqual([{ type: "refuse", cause: { type: "exhausted", racer: 0, failure: "engine_crash", failures: 1 } }]);
  });

  describe("where all others are merely busy", () => {
    const failedOnce = () => new Told().at(500).hear(reserved("a"), failed(0, "engine_crash"), { type: "none_available", waitable: true });

    it("waits for one of them, for as long as an attempt may begin", () => {
      const told = failedOnce();
      expect(told.effects).toEqual([
        {
          type: "enqueue",
          purpose: "retry",
          number: 1,
          excluded: new Set(["a"]),
          avoidVersion: "1.0.0",
          until_ms: 500 + LIMITS.contentBudget_ms,
        },
      ]);
      const { place } = reserved("b") as Extract<DispatchEvent, { type: "reserved" }>;
      expect(told.hear({ type: "queue_assigned", place }).words).toEqual(["send 1"]);
    });

    it.each(["deadline", "timeout", "nobody"] as const)(
      "ends with what the last machine said when that comes to nothing (%s)",
      (reason) => {
        expect(failedOnce().hear({ type: "queue_refused", reason }).effects).toEqual([
          { type: "refuse", cause: { type: "exhausted", racer: 0, failure: "engine_crash", failures: 1 } },
        ]);
      },
    );

    it("gives a place back that comes too late for an attempt to begin", () => {
      const told = failedOnce();
      told.now_ms = 500 + LIMITS.contentBudget_ms;
      const { place } = reserved("b") as Extract<DispatchEvent, { type: "reserved" }>;
      expect(told.hear({ type: "queue_assigned", place }).words).toEqual(["return_place", "refuse"]);
    });

    it("leaves the line when the consumer does", () => {
      expect(failedOnce().hear({ type: "client_gone" }).words).toEqual(["leave_queue", "abandon"]);
    });
  });

  it("is counted with its like: three refusals for capacity, of whatever kind, are enough", () => {
    const told = new Told();
    for (const [number, failure] of (["capacity_kv", "draining", "not_loaded"] as const).entries()) {
      expect(told.effects.at(-1)?.type).toBe("reserve");
      told.hear(reserved(`m${number}`), failed(number, failure));
    }
    expect(told.effects.at(-1)).toMatchObject({ type: "refuse", cause: { type: "exhausted", failures: 3 } });
  });

  it("is a machine that talks and says nothing", () => {
    const told = new Told().hear(reserved("a"), { type: "preamble", racer: 0, events: PREAMBLE_EVENTS_MAX });
    expect(told.effects).toEqual([]);
    expect(told.hear({ type: "preamble", racer: 0, events: 1 }).words).toEqual(["cancel 0", "release 0", "reserve"]);
  });

  it("is followed by as many others as its limits say", () => {
    const once = new Told({ limits: { ...LIMITS, failures_max: new Map([["engine_crash", 1]]) } });
    expect(once.hear(reserved("a"), failed(0, "engine_crash")).effects.at(-1)).toMatchObject({ type: "refuse" });
    const alone = new Told({ limits: { ...LIMITS, attempts_max: 1 }, hedgeDelay_ms: HEDGE_ms }).hear(reserved("a"));
    expect(alone.at(HEDGE_ms).effects).toEqual([]);
    expect(alone.at(5_000).effects.at(-1)).toMatchObject({ type: "refuse", cause: { failure: "timeout", failures: 1 } });
  });

  it("troubles a bounded number of machines", () => {
    const told = new Told({ limits: { ...LIMITS, contentBudget_ms: 1e9 } });
    // Every status has its own allowance, so no kind of failure alone can reach the bound: what holds is their sum.
    const kinds: readonly FailureClass[] = ["capacity_kv", "engine_crash", "timeout"];
    let attempts = 0;
    for (; told.state.stage === "selecting"; attempts += 1) {
      told.hear(reserved(`m${attempts}`), failed(attempts, kinds[attempts % kinds.length] ?? "internal"));
    }
    expect(attempts).toBeLessThanOrEqual(ATTEMPTS_MAX);
    expect(told.state.stage).toBe("done");
  });
});

describe("a hedge", () => {
  const racing = () => new Told({ hedgeDelay_ms: HEDGE_ms }).hear(reserved("a"));

  it("is asked although the first machine has accepted, once, among machines that are not trying", () => {
    const told = racing().hear({ type: "accepted", racer: 0, phase: "prefilling" });
    expect(told.at(HEDGE_ms).effects).toEqual([
      { type: "reserve", purpose: "hedge", number: 1, excluded: new Set(["a"]), avoidVersion: undefined, failures: 0 },
    ]);
    told.hear(reserved("b"));
    expect(told.words).toEqual(["send 1"]);
    expect(wakeAt_ms(told.state)).toBe(5_000);
  });

  it("wins by content alone; only then is the other sent away", () => {
    const told = racing().at(HEDGE_ms).hear(reserved("b"));
    expect(told.hear({ type: "accepted", racer: 1, phase: "prefilling" }, { type: "preamble", racer: 1, events: 1 }).effects).toEqual([]);
    expect(told.hear({ type: "content", racer: 1 }).words).toEqual(["cancel 0", "release 0", "commit 1"]);
    expect(told.hear({ type: "content", racer: 0 }, failed(0, "cancelled")).effects).toEqual([]);
  });

  it("that fails leaves the first machine alone, and the other way round", () => {
    expect(racing().at(HEDGE_ms).hear(reserved("b"), failed(1, "engine_crash")).words).toEqual(["cancel 1", "release 1"]);
    const told = racing().at(HEDGE_ms).hear(reserved("b"), failed(0, "disconnected"));
    expect(told.words).toEqual(["cancel 0", "release 0"]);
    expect(told.hear({ type: "content", racer: 1 }).words).toEqual(["commit 1"]);
  });

  it("has a deadline of its own, and the first machine keeps its own", () => {
    const told = racing().at(HEDGE_ms).hear(reserved("b"));
    expect(told.at(5_000).words).toEqual(["blame_timeout 0", "cancel 0", "release 0"]);
    expect(wakeAt_ms(told.state)).toBe(HEDGE_ms + 5_000);
  });

  it("that is late like the first machine loses one try with it, not two", () => {
    const told = new Told({ hedgeDelay_ms: HEDGE_ms, limits: { ...LIMITS, failures_max: new Map([["timeout", 2]]) } });
    told.hear(reserved("a")).at(HEDGE_ms).hear(reserved("b")).at(5_000);
    expect(told.at(6_000).effects.at(-1)).toMatchObject({ type: "reserve", purpose: "retry", excluded: new Set(["a", "b"]) });
    told.hear(reserved("c")).at(7_000).hear(reserved("d")).at(11_000);
    expect(told.at(12_000).effects.at(-1)).toMatchObject({ type: "refuse", cause: { failure: "timeout", failures: 4 } });
  });

  it("is not asked where there is none, nor when the caller's own machine serves, nor before the first is expected to answer", () => {
    const alone = racing().at(HEDGE_ms).hear(NONE);
    expect([alone.effects, wakeAt_ms(alone.state)]).toEqual([[], 5_000]);
    expect(alone.hear(failed(0, "engine_crash")).effects.at(-1)).toMatchObject({ type: "reserve", number: 2 });
    expect(wakeAt_ms(new Told({ hedgeDelay_ms: HEDGE_ms }).hear(reserved("a", { mayHedge: false })).state)).toBe(5_000);
    expect(wakeAt_ms(new Told({ hedgeDelay_ms: HEDGE_ms }).hear(reserved("a", { ttft_ms: 1_500 })).state)).toBe(1_500);
  });
});

describe("an answer that the consumer sees only whole", () => {
  const answering = () => new Told({ isWhole: true }).hear(reserved("a"), { type: "content", racer: 0 });

  it("begins anew on another machine when its own is lost or silent", () => {
    expect(answering().hear(failed(0, "disconnected")).words).toEqual(["restart", "cancel 0", "release 0", "reserve"]);
    const told = answering().at(600_000);
    expect(told.words).toEqual(["blame_timeout 0", "restart", "cancel 0", "release 0", "reserve"]);
    expect(told.hear(reserved("b"), { type: "complete", racer: 1, isAccountValid: true }).words).toEqual([
      "commit 1",
      "release 1",
      "settle 1",
    ]);
  });

  it("is not begun for ever: what cannot be answered is refused, and nothing is due", () => {
    const told = answering().hear(failed(0, "disconnected"));
    expect(told.hear(NONE).effects).toEqual([
      { type: "refuse", cause: { type: "exhausted", racer: 0, failure: "disconnected", failures: 1 } },
    ]);
    const unlucky = answering();
    for (let racer = 0; unlucky.state.stage !== "done"; racer += 1) {
      unlucky.hear(failed(racer, "engine_crash"), reserved(`m${racer}`), { type: "content", racer: racer + 1 });
    }
    expect(unlucky.effects).toEqual([]);
    const last = answering().hear({ type: "fault" });
    expect(last.words).toEqual(["restart", "cancel 0", "release 0", "refuse"]);
  });

  it("is parked like any other when its consumer leaves", () => {
    expect(answering().hear({ type: "client_gone" }, { type: "parked" }, failed(0, "disconnected")).words).toEqual([
      "release 0",
      "settle 0",
    ]);
  });
});

describe("an answer that the consumer sees", () => {
  const answering = () => new Told().hear(reserved("a"), { type: "content", racer: 0 });

  it("is broken off when its machine is lost, silent, or read too slowly, and what was relayed is due", () => {
    expect(answering().hear(failed(0, "disconnected")).words).toEqual(["release 0", "settle 0", "break_off"]);
    expect(answering().at(600_000).words).toEqual(["blame_timeout 0", "cancel 0", "release 0", "settle 0", "break_off"]);
    expect(answering().hear({ type: "overflow", racer: 0 }).words).toEqual(["cancel 0", "release 0", "settle 0", "break_off"]);
  });

  it("may go on for ever while content comes", () => {
    const told = answering();
    for (let minute = 1; minute < 100; minute += 1) {
      told.now_ms = minute * 500_000;
      expect(told.hear({ type: "content", racer: 0 }, { type: "tick" }).effects).toEqual([]);
    }
  });

  it("is parked before its machine is told that the consumer has left, and settled by the machine's account", () => {
    const told = answering().hear({ type: "client_gone" });
    expect(told.words).toEqual(["park"]);
    expect(told.hear({ type: "parked" }).words).toEqual(["cancel 0"]);
    told.hear({ type: "complete", racer: 0, isAccountValid: true });
    expect(told.effects.at(-1)).toMatchObject({ type: "settle", account: "provider", reason: "cancelled" });
  });

  it("is settled by what was relayed when nothing more is heard of it", () => {
    const told = answering().hear({ type: "client_gone" }, { type: "parked" });
    expect(told.at(29_999).effects).toEqual([]);
    expect(told.at(30_000).effects.at(-1)).toMatchObject({ type: "settle", account: "relayed", reason: "no_terminal_after_cancel" });
  });
});
