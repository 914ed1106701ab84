import { type FromProvider, fromProvider, type Heartbeat } from "@umbel/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { requestsAhead } from "../admission/ahead.js";
import { memoryAdmits } from "../admission/memory.js";
import { BUILD, OTHER_BUILD, providerView, requestSpec } from "../testing/fixtures.js";
import type { ProviderView } from "../types.js";
import { type Placed, PlacedWork } from "./placed-work.js";

const BUILDS = [BUILD, OTHER_BUILD] as const;
type Build = (typeof BUILDS)[number];

interface Report {
  readonly seen?: number;
  readonly held?: readonly number[];
  readonly slots: ReadonlyMap<Build, { readonly foreign: number; readonly requests?: readonly { ordinal: number; tokens: number }[] }>;
}

function heartbeat({ seen, held = [], slots }: Report): Heartbeat {
  const message: FromProvider = fromProvider.parse({
    type: "heartbeat",
    status: "idle",
    stats: { requests_served: 0, tokens_generated: 0 },
    system_metrics: { memory_pressure: 0, cpu_usage: 0, thermal_state: "nominal" },
    capacity: {
      slots: [...slots].map(([model, { foreign, requests = [] }]) => ({
        model,
        state: "running",
        num_running: requests.length,
        num_waiting: 0,
        max_concurrency: 64,
        active_tokens: 0,
        token_budget_used: requests.reduce((sum, { tokens }) => sum + tokens, foreign),
        token_budget_max: 1e6,
        ...(seen !== undefined && { requests: requests.map((request) => ({ ...request, places: 1 })) }),
      })),
      total_memory_gb: 64,
      ...(seen !== undefined && { requests_seen: seen, requests_held: held }),
    },
  });
  if (message.type !== "heartbeat") throw new Error("not a heartbeat");
  return message;
}

/** What a build takes of its machine, as selection reckons it. */
function committed(view: ProviderView, build: Build) {
  const [slot, work] = [view.slots?.get(build), view.pending.get(build)];
  return { requests: requestsAhead(slot, work), tokens: (slot?.tokenBudgetUsed ?? 0) + (work?.unreported_tokens ?? 0) };
}

interface Request {
  readonly build: Build;
  readonly placed: Placed;
  readonly estimate: number;
  /** As the machine counts it. */
  readonly own: number;
  at: "coordinator" | "wire" | "machine" | "slot" | "over";
  isReleased: boolean;
  /** The machine's last word has arrived; and a heartbeat after it. */
  terminal: "none" | "heard" | "old";
  isCounted: boolean;
}

type Frame =
  | { readonly type: "terminal"; readonly request: Request }
  | { readonly type: "heartbeat"; readonly message: Heartbeat; readonly counted: ReadonlySet<Request>; readonly foreign: number };

/** A machine and a coordinator with an ordered line between them in each direction. Figures may be older than what was said after them. */
class Line {
  view = providerView({ slots: new Map() });
  readonly #work = new PlacedWork();
  readonly #requests: Request[] = [];
  readonly #down: Request[] = [];
  readonly #up: Frame[] = [];
  #seen = 0;
  #foreign = 0;
  #snapshot: () => Frame = () => this.#figures();
  #reported_foreign: number | undefined;

  do(action: number, which: number, size: number): void {
    const of = (...at: Request["at"][]): Request | undefined => {
      const fitting = this.#requests.filter((request) => at.includes(request.at));
      return fitting[which % Math.max(1, fitting.length)];
    };
    const steps = [
      () => this.#place(BUILDS[which % 2] ?? BUILD, 1 + size, 1 + ((size * 7 + which) % 50)),
      () => this.#send(of("coordinator")),
      () => this.#receive(),
      () => this.#move(of("machine"), "slot"),
      () => this.#end(of("machine", "slot")),
      () => this.#release(this.#requests.filter(({ isReleased }) => !isReleased)[which % 5]),
      () => this.#take(),
      () => this.#up.push(this.#snapshot()),
      () => this.#hear(),
      () => this.#hear(),
      () => {
        this.#foreign = size;
      },
    ];
    steps[action % steps.length]?.();
  }

  #place(build: Build, estimate: number, own: number): void {
    const { view, placed } = this.#work.place(this.view, build, { tokens: estimate, unread_tokens: 1 });
    this.view = view;
    this.#requests.push({ build, placed, estimate, own, at: "coordinator", isReleased: false, terminal: "none", isCounted: false });
  }

  #send(request: Request | undefined): void {
    if (request === undefined) return;
    this.#work.sent(request.placed);
    request.at = "wire";
    this.#down.push(request);
  }

  #receive(): void {
    const request = this.#down.shift();
    if (request?.placed.ordinal === undefined) return;
    request.at = "machine";
    this.#seen = request.placed.ordinal;
  }

  #move(request: Request | undefined, at: "slot"): void {
    if (request !== undefined) request.at = at;
  }

  #end(request: Request | undefined): void {
    if (request === undefined) return;
    request.at = "over";
    this.#up.push({ type: "terminal", request });
  }

  #release(request: Request | undefined): void {
    if (request === undefined) return;
    request.isReleased = true;
    if (request.at === "coordinator") {
      request.at = "over";
      request.terminal = "heard";
    }
    this.view = this.#work.released(this.view, request.placed);
  }

  /** Takes the figures that the next heartbeat tells, which may be any number of events later. */
  #take(): void {
    const figures = this.#figures();
    this.#snapshot = () => figures;
  }

  #figures(): Frame {
    const named = (at: Request["at"]) => this.#requests.filter((request) => request.at === at);
    const counted = named("slot");
    const slots = new Map(
      BUILDS.map((build) => [
        build,
        {
          foreign: this.#foreign,
          requests: counted
            .filter((request) => request.build === build)
            .map(({ placed, own }) => ({ ordinal: placed.ordinal ?? 0, tokens: own })),
        },
      ]),
    );
    const held = named("machine").map(({ placed }) => placed.ordinal ?? 0);
    return { type: "heartbeat", message: heartbeat({ seen: this.#seen, held, slots }), counted: new Set(counted), foreign: this.#foreign };
  }

  #hear(): void {
    const frame = this.#up.shift();
    if (frame === undefined) return;
    if (frame.type === "terminal") {
      frame.request.terminal = "heard";
      this.view = this.#work.ended(this.view, frame.request.placed);
      return;
    }
    this.view = this.#work.heartbeat(this.view, frame.message);
    this.#reported_foreign = frame.foreign;
    for (const request of this.#requests) {
      request.isCounted = frame.counted.has(request);
      if (request.terminal === "heard") request.terminal = "old";
    }
  }

  /** What it should come to, from the whole history: every request that has not ended, once; by the machine's own figure where it has told one. */
  expected(build: Build) {
    if (this.#reported_foreign === undefined) return undefined;
    const [requests, tokens] = this.#requests
      .filter((request) => request.build === build && isOnAccount(request))
      .reduce(([count, sum], { isCounted, own, estimate }) => [count + 1, sum + (isCounted ? own : estimate)], [0, 0]);
    return { requests, tokens: tokens + this.#reported_foreign };
  }

  /** Hears everything, and gives up whatever has ended. */
  settle(): void {
    for (const request of this.#requests) if (!request.isReleased) this.#release(request);
    while (this.#down.length > 0) this.#receive();
    for (const request of this.#requests) if (request.at === "machine" || request.at === "slot") this.#end(request);
    this.#take();
    this.#up.push(this.#snapshot());
    while (this.#up.length > 0) this.#hear();
  }
}

/** What has ended, and was not given up, is taken off by the next report; what was given up, at once. */
function isOnAccount({ terminal, isReleased }: Request): boolean {
  return terminal === "none" || (terminal === "heard" && !isReleased);
}

const step = fc.tuple(fc.nat(10), fc.nat(20), fc.nat(40));

describe("work on a machine that says which requests its figures count", () => {
  it("is counted once, whatever comes in whatever order, by figures however old", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120, size: "max" }), (steps) => {
        const line = new Line();
        for (const [action, which, size] of steps) {
          line.do(action, which, size);
          for (const build of BUILDS) {
            const expected = line.expected(build);
            if (expected !== undefined) expect(committed(line.view, build)).toEqual(expected);
          }
        }
        line.settle();
        for (const build of BUILDS) expect(committed(line.view, build)).toEqual(line.expected(build));
        expect([line.view.pending.size, line.view.pendingTotal]).toEqual([0, 0]);
      }),
      { numRuns: 300 },
    );
  });

  const reports = (tokens: number, requests: readonly { ordinal: number; tokens: number }[] = [], held: readonly number[] = [], seen = 9) =>
    heartbeat({ seen, held, slots: new Map([[BUILD, { foreign: tokens, requests }]]) });
  const start = () => {
    const work = new PlacedWork();
    const view = work.heartbeat(providerView({ slots: new Map() }), reports(0, [], [], 0));
    return { work, ...work.place(view, BUILD, { tokens: 100, unread_tokens: 10 }) };
  };

  it("leaves room for what fits and no more, where sums would have counted another's work as ours", () => {
    const { work, view, placed } = start();
    work.sent(placed);
    // The machine's figures hold work of its owner, and not yet the request.
    const reported = work.heartbeat(view, reports(999_700, [], [], 0));
    const fits = (maxOutputTokens: number) => memoryAdmits(reported, requestSpec({ promptTokens: 0, maxOutputTokens }));
    expect([fits(200), fits(201)]).toEqual([true, false]);
  });

  it("is still the machine's when it was given up, until the machine says that it is over", () => {
    const { work, view, placed } = start();
    work.sent(placed);
    const released = work.released(view, placed);
    expect([released.pendingTotal, committed(released, BUILD).tokens]).toEqual([0, 100]);
    const held = work.heartbeat(released, reports(0, [], [1]));
    expect(committed(held, BUILD).tokens).toBe(100);
    expect(committed(work.ended(held, placed), BUILD).tokens).toBe(0);
  });

  it("is over when a machine that was given no chance to say so does not name it any more", () => {
    const { work, view, placed } = start();
    work.sent(placed);
    const released = work.released(view, placed);
    expect(committed(work.heartbeat(released, reports(0, [], [], 0)), BUILD).tokens).toBe(100);
    expect(committed(work.heartbeat(released, reports(0)), BUILD).tokens).toBe(0);
  });

  it("stays ours where a machine denies what has not ended, and where its figures are less than what it says they count", () => {
    const { work, view, placed } = start();
    work.sent(placed);
    expect(committed(work.heartbeat(view, reports(0)), BUILD).tokens).toBe(100);
    const inconsistent = reports(0, [{ ordinal: 1, tokens: 50 }]);
    const [slot] = inconsistent.capacity?.slots ?? [];
    if (slot !== undefined) slot.token_budget_used = 10;
    expect(committed(work.heartbeat(view, inconsistent), BUILD).tokens).toBe(110);
  });

  it("says what its build takes in memory, also after it was given up", () => {
    const memory = { resident_bytes: 2 ** 30, minRam_gb: 2, minVram_gb: 1 };
    const work = new PlacedWork();
    const before = work.heartbeat(providerView({ slots: new Map() }), reports(0, [], [], 0));
    const { view, placed } = work.place(before, BUILD, { tokens: 100, unread_tokens: 10, memory });
    work.sent(placed);
    expect(work.heartbeat(view, reports(0)).pending.get(BUILD)?.memory).toBe(memory);
    expect(work.heartbeat(work.released(view, placed), reports(0, [], [1])).pending.get(BUILD)?.memory).toBe(memory);
  });

  it("was never the machine's where it was not sent", () => {
    const { work, view, placed } = start();
    expect(committed(work.released(view, placed), BUILD)).toEqual({ requests: 0, tokens: 0 });
  });
});

describe("work on a machine that does not say so much", () => {
  const sums = (tokens: number, running: number) =>
    heartbeat({ slots: new Map([[BUILD, { foreign: 0, requests: Array.from({ length: running }, () => ({ ordinal: 0, tokens })) }]]) });

  it("is reckoned by sums: whichever is more, and what is given up is taken off both", () => {
    const work = new PlacedWork();
    const { view, placed } = work.place(work.heartbeat(providerView({ slots: new Map() }), sums(0, 0)), BUILD, {
      tokens: 100,
      unread_tokens: 10,
    });
    work.sent(placed);
    expect(view.pending.get(BUILD)).toEqual({ requests: 1, tokens: 100, unread_tokens: 10 });
    const reported = work.heartbeat(view, sums(70, 1));
    expect(requestsAhead(reported.slots?.get(BUILD), reported.pending.get(BUILD))).toBe(1);
    expect(work.released(reported, placed)).toMatchObject({ pendingTotal: 0, pending: new Map() });
    expect(work.released(reported, placed)).toBe(reported);
  });

  it("is reckoned so from the moment at which it ceases to say, and looks after nothing that was given up", () => {
    const work = new PlacedWork();
    const empty = heartbeat({ seen: 0, slots: new Map([[BUILD, { foreign: 0 }]]) });
    const first = work.place(work.heartbeat(providerView({ slots: new Map() }), empty), BUILD, { tokens: 100, unread_tokens: 0 });
    const second = work.place(first.view, BUILD, { tokens: 10, unread_tokens: 0 });
    work.sent(first.placed);
    work.sent(second.placed);
    const released = work.released(second.view, first.placed);
    expect(work.heartbeat(released, sums(0, 0)).pending.get(BUILD)).toEqual({ requests: 1, tokens: 10 });
  });
});
