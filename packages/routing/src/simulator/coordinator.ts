import { AffinityTable } from "../affinity/affinity-table.js";
import { type CostProfile, DEFAULT_COST_PROFILE } from "../cost/profile.js";
import {
  createHedgeBudget,
  type DispatchEffect,
  type DispatchEvent,
  type DispatchLimits,
  hedgeDelay_ms,
  type Place,
  type RefusalCause,
  reduceDispatch,
  type Step,
  startDispatch,
  wakeAt_ms,
} from "../dispatch/index.js";
import type { AttemptOutcome } from "../health/health-memory.js";
import type { Verdict } from "../queue/fair-lane.js";
import { isWorthWaiting, waitingOutlook } from "../queue/outlook.js";
import type { FailureClass } from "../retry-policy.js";
import type { Decision, RequestSpec } from "../types.js";
import type { Arrival } from "./arrivals.js";
import { entry, type SimulatedBuild } from "./fleet-mix.js";
import { Lines } from "./lines.js";
import type { Attempt, LiveRequest } from "./live-request.js";
import type { SimulatedMachine } from "./machine.js";
import { Placement } from "./placement.js";
import type { Policy } from "./policies.js";
import type { Recorder } from "./recorder.js";
import { machineIdOf, machineNumber, WEIGHT_HASH } from "./report.js";
import type { Scenario } from "./scenario.js";
import { streamOf } from "./streams.js";
import { Warmth } from "./warmth.js";
import { demand_tokens, type Saying, type Work, workOf } from "./work.js";

/** What the coordinator can do to the world, and whom it asks for the time. */
export interface Outside {
  now_ms(): number;
  send(attempt: Attempt): void;
  cancel(attempt: Attempt): void;
  planTick(request: LiveRequest, at_ms: number): void;
  planExpiry(build: number, at_ms: number): void;
  /** For whoever judges decisions by the truth. */
  placed(arrival: Arrival, machine: SimulatedMachine): void;
  refused(arrival: Arrival): void;
  /** By number. */
  readonly machines: readonly SimulatedMachine[];
}

/** The coordinator's part of a run: production selection, queue, health memory, rates, planner and dispatch, over what machines report. */
export class SimulatedCoordinator {
  readonly #placement: Placement;
  readonly #lines: Lines;
  readonly #warmth: Warmth;
  readonly #hedges = createHedgeBudget();
  readonly #live = new Map<number, LiveRequest>();
  readonly #attempts = new Map<number, Attempt>();
  readonly #affinity = new AffinityTable(AFFINITY_LIMITS);
  #works = 0;

  constructor(
    private readonly scenario: Scenario,
    private readonly builds: readonly SimulatedBuild[],
    private readonly policy: Policy,
    private readonly outside: Outside,
    private readonly recorder: Recorder,
  ) {
    const costProfile = costProfileWith(scenario.coordinator.cost);
    this.#placement = new Placement(policy.createSelector(), builds, streamOf(scenario.seed, "dice"), costProfile);
    this.#lines = new Lines(builds, this.#placement, scenario.coordinator);
    this.#warmth = new Warmth(scenario, builds, outside.machines, this.#placement, this.#lines);
  }

  get live(): number {
    return this.#live.size;
  }

  get waiting(): number {
    return this.#lines.waiting;
  }

  connected(machine: SimulatedMachine): void {
    this.#placement.connected(machine, this.outside.now_ms());
    this.#lines.freed(machine.spec.builds);
  }

  disconnected(machine: SimulatedMachine): void {
    const sessionId = this.#placement.disconnected(machine);
    if (sessionId === undefined) return;
    this.#warmth.record({ type: "provider_gone", providerId: sessionId }, this.outside.now_ms());
    for (const attempt of [...this.#attempts.values()]) {
      if (attempt.sessionId === sessionId) this.#failed(attempt, "disconnected");
    }
  }

  heartbeat(machine: SimulatedMachine): void {
    this.#placement.heartbeat(machine, this.outside.now_ms());
    this.#lines.freed(machine.spec.builds);
  }

  loaded(machine: SimulatedMachine, build: number, result: "succeeded" | "failed", took_ms: number): void {
    const { id } = entry(this.builds, build);
    if (result === "succeeded") this.#placement.rates.loaded(id, took_ms);
    const providerId = this.#placement.sessionOf(machine);
    if (providerId === undefined) return;
    const event = { providerId, build: id };
    this.#warmth.record(
      result === "succeeded" ? { type: "load_succeeded", ...event } : { type: "load_failed", ...event, reason: "insufficient_memory" },
      this.outside.now_ms(),
    );
  }

  /** Decides which builds to load and to put away. @returns machines that have been told something */
  plan(): readonly SimulatedMachine[] {
    return this.#warmth.plan(this.outside.now_ms());
  }

  arrive(arrival: Arrival): void {
    const spec = this.#specOf(arrival);
    const limits = this.#limits(arrival);
    const step = startDispatch({ limits, hedgeDelay_ms: this.#hedgeDelay_ms(spec, limits), isWhole: false });
    const request: LiveRequest = {
      arrival,
      spec,
      state: step.state,
      tickAt_ms: Number.POSITIVE_INFINITY,
      waitsFor: undefined,
      attempts: new Map(),
      firstContent_ms: undefined,
      decode_tps: 0,
    };
    this.#live.set(arrival.number, request);
    this.recorder.arrived(arrival);
    this.#take(request, step);
  }

  /** A machine's word, as it comes in. */
  heard(work: Work, saying: Saying): void {
    const attempt = this.#attempts.get(work.id);
    if (attempt === undefined) return;
    const { request, racer } = attempt;
    const { spec } = request;
    switch (saying.type) {
      case "accepted":
        this.#event(request, { type: "accepted", racer, phase: saying.phase, progress: saying.progress });
        return;
      case "preamble":
        this.#event(request, { type: "preamble", racer, events: 1 });
        return;
      case "content":
        this.#placement.read(attempt, this.outside.now_ms());
        this.#placement.rates.firstContent(spec.build, spec.promptTokens, this.outside.now_ms() - attempt.placed_ms);
        this.#event(request, { type: "content", racer });
        return;
      case "complete":
        request.decode_tps = saying.decode_tps;
        this.#judge(attempt, "success");
        this.#warmth.record(
          { type: "served", build: spec.build, prompt_tokens: work.promptTokens, completion_tokens: work.outputTokens },
          this.outside.now_ms(),
        );
        this.#event(request, { type: "complete", racer, isAccountValid: true });
        return;
      case "failed":
        this.#failed(attempt, saying.failure);
    }
  }

  tick(number: number): void {
    const request = this.#live.get(number);
    if (request === undefined || request.tickAt_ms > this.outside.now_ms()) return;
    request.tickAt_ms = Number.POSITIVE_INFINITY;
    this.#event(request, { type: "tick" });
  }

  expire(build: number): void {
    for (const request of this.#lines.expire(build, this.outside.now_ms()))
      this.#event(request, { type: "queue_refused", reason: "timeout" });
  }

  /** Offers what became free to those who wait. Called after every event, since capacity changes in the middle of them. */
  settle(): void {
    this.#lines.offer((request) => this.#serve(request));
  }

  #serve(request: LiveRequest): Verdict {
    const { waitsFor } = request;
    if (waitsFor === undefined) throw new Error(`request ${request.arrival.number} waits for nothing`);
    const { purpose, number, excluded, avoidVersion } = waitsFor;
    const { place, decision } = this.#reserve(request, { ...request.spec, excluded, avoidVersion }, purpose, number);
    if (place !== undefined) {
      this.#event(request, { type: "queue_assigned", place });
      return "served";
    }
    const outlook = waitingOutlook(decision, request.spec);
    if (outlook === "wait") return "unserved";
    this.#event(request, { type: "queue_refused", reason: outlook });
    return "hopeless";
  }

  #event(request: LiveRequest, event: DispatchEvent): void {
    this.#take(request, reduceDispatch(request.state, event, this.outside.now_ms()));
  }

  /** Carries out what a step came to, and what comes of that. */
  #take(request: LiveRequest, step: Step): void {
    request.state = step.state;
    for (const effect of step.effects) {
      const answer = this.#perform(request, effect);
      if (answer !== undefined) this.#event(request, answer);
    }
    const wake_ms = wakeAt_ms(request.state);
    if (wake_ms >= request.tickAt_ms) return;
    request.tickAt_ms = wake_ms;
    this.outside.planTick(request, wake_ms);
  }

  #perform(request: LiveRequest, effect: DispatchEffect): DispatchEvent | undefined {
    const now_ms = this.outside.now_ms();
    switch (effect.type) {
      case "reserve":
        return this.#reserveFor(request, effect);
      case "enqueue":
        return this.#enqueue(request, effect);
      case "leave_queue":
        this.#lines.leave(request);
        return undefined;
      case "send":
        this.outside.send(attemptOf(request, effect.racer));
        return undefined;
      case "cancel":
        this.outside.cancel(attemptOf(request, effect.racer));
        return undefined;
      case "blame_timeout":
        this.#warmth.pressed("ttft_miss", request.spec.build, now_ms);
        this.#judge(attemptOf(request, effect.racer), "timeout");
        this.recorder.attemptFailed(attemptOf(request, effect.racer), "timeout");
        return undefined;
      case "release":
        this.#release(attemptOf(request, effect.racer));
        return undefined;
      case "commit":
        this.#committed(request, attemptOf(request, effect.racer));
        return undefined;
      case "park":
        return { type: "parked" };
      case "break_off":
        return undefined;
      case "refuse":
        this.recorder.refused(request, refusalWords(effect.cause), now_ms);
        this.outside.refused(request.arrival);
        this.#live.delete(request.arrival.number);
        return undefined;
      case "abandon":
        this.#live.delete(request.arrival.number);
        return undefined;
      case "settle":
        this.recorder.settled(attemptOf(request, effect.racer), effect.reason, now_ms);
        this.#live.delete(request.arrival.number);
        return undefined;
    }
  }

  #committed(request: LiveRequest, attempt: Attempt): void {
    const now_ms = this.outside.now_ms();
    const { arrival, spec } = request;
    request.firstContent_ms = now_ms;
    this.recorder.firstContent(request, attempt, now_ms);
    if (attempt.purpose === "hedge") this.#warmth.pressed("hedge_won", spec.build, now_ms);
    if (arrival.conversation === undefined) return;
    const mark = { key: String(arrival.conversation), tokens: arrival.promptTokens };
    this.#affinity.served([mark], machineIdOf(attempt.machine.spec.number), now_ms);
  }

  #reserveFor(request: LiveRequest, effect: Extract<DispatchEffect, { type: "reserve" }>): DispatchEvent {
    const { purpose, number, excluded, avoidVersion } = effect;
    const { build } = request.spec;
    const now_ms = this.outside.now_ms();
    // Whoever came first goes first.
    if (purpose === "first" && this.#lines.depth(request.arrival.build) > 0) return { type: "none_available", waitable: true };
    if (purpose === "hedge" && !this.#hedges.take(build, now_ms)) return { type: "none_available", waitable: false };
    const { place, decision } = this.#reserve(request, { ...request.spec, excluded, avoidVersion }, purpose, number);
    if (place !== undefined) return { type: "reserved", place };
    if (purpose === "first") this.#warmth.pressed("capacity_reject", build, now_ms);
    return { type: "none_available", waitable: isWorthWaiting(decision), isTooSlow: decision.refusals.ttft_ceiling !== undefined };
  }

  #reserve(
    request: LiveRequest,
    spec: RequestSpec,
    purpose: Attempt["purpose"],
    racer: number,
  ): { readonly place: Place | undefined; readonly decision: Decision } {
    const now_ms = this.outside.now_ms();
    const decision = this.#placement.select(spec, now_ms);
    const { winner } = decision;
    const machine = winner && this.outside.machines[machineNumber(winner.providerId)];
    this.recorder.decided(request, purpose, machine?.spec.number, decision, now_ms);
    if (machine === undefined || winner === undefined) return { place: undefined, decision };
    const { arrival } = request;
    if (purpose === "first") this.outside.placed(arrival, machine);
    const work = workOf({ ...arrival, id: this.#works++, request: arrival.number });
    const { held, view } = this.#placement.hold(machine, spec.build, work.promptTokens, demand_tokens(work), now_ms);
    const attempt: Attempt = { ...held, request, racer, work, purpose, placed_ms: now_ms, isJudged: false, isReleased: false };
    request.attempts.set(racer, attempt);
    this.#attempts.set(work.id, attempt);
    if (purpose === "first") this.#hedges.dispatched(spec.build, now_ms);
    if (purpose === "hedge") this.#warmth.pressed("hedge_started", spec.build, now_ms);
    if ((winner.terms["state"] ?? 0) > 0) this.#warmth.pressed("cold_dispatch", spec.build, now_ms);
    return { place: { machineId: view.machineId, version: view.version, ttft_ms: winner.ttft_ms, mayHedge: true }, decision };
  }

  #release(attempt: Attempt): void {
    if (attempt.isReleased) return;
    attempt.isReleased = true;
    this.#attempts.delete(attempt.work.id);
    this.#judge(attempt, "neutral");
    this.#placement.release(attempt, this.outside.now_ms());
    this.#lines.freed(attempt.machine.spec.builds);
  }

  #failed(attempt: Attempt, failure: FailureClass): void {
    this.#judge(attempt, failure);
    this.recorder.attemptFailed(attempt, failure);
    this.#event(attempt.request, { type: "failed", racer: attempt.racer, failure });
  }

  #judge(attempt: Attempt, outcome: AttemptOutcome): void {
    if (attempt.isJudged) return;
    attempt.isJudged = true;
    this.#placement.judge(attempt, attempt.request.spec, outcome, this.outside.now_ms());
  }

  #enqueue(request: LiveRequest, waitsFor: Extract<DispatchEffect, { type: "enqueue" }>): DispatchEvent | undefined {
    request.waitsFor = waitsFor;
    const joined = this.#lines.join(request, waitsFor, this.outside.now_ms());
    if ("refused" in joined) return { type: "queue_refused", reason: joined.refused };
    this.recorder.queued(request);
    this.outside.planExpiry(request.arrival.build, joined.until_ms);
    if (joined.displaced !== undefined) this.#event(joined.displaced, { type: "queue_refused", reason: "full" });
    return undefined;
  }

  #specOf(arrival: Arrival): RequestSpec {
    const { id, kvBytesPerToken } = entry(this.builds, arrival.build);
    return {
      requestId: String(arrival.number),
      build: id,
      weightHash: WEIGHT_HASH,
      accountId: `account-${arrival.account}`,
      promptTokens: arrival.promptTokens,
      maxOutputTokens: arrival.maxOutputTokens,
      needsTools: arrival.tools,
      needsVision: arrival.vision,
      excluded: NOBODY,
      allowedMachines: undefined,
      route: "public",
      avoidVersion: undefined,
      ...this.#affinityOf(arrival),
      ttftCeiling_ms: this.scenario.coordinator.ttft_gate === "hard" ? this.#limits(arrival).firstContent_ms : undefined,
      kvBytesPerToken,
    };
  }

  /** What is known of the prompt's beginning. A whole conversation goes by one mark here: that of its last prompt. */
  #affinityOf({ conversation, sharedTokens }: Arrival): Pick<RequestSpec, "affinity"> {
    if (conversation === undefined) return {};
    const key = String(conversation);
    const holder = this.#affinity.holderOf([{ key, tokens: sharedTokens }], this.outside.now_ms());
    return { affinity: { machineId: holder?.machineId, matched_tokens: holder?.tokens ?? 0, placement: key } };
  }

  #limits({ promptTokens }: Arrival): DispatchLimits {
    const { first_content_base_s, first_content_per_token_ms } = this.scenario.coordinator;
    return { firstContent_ms: first_content_base_s * 1000 + first_content_per_token_ms * promptTokens, ...LATER_LIMITS };
  }

  #hedgeDelay_ms({ build, promptTokens }: RequestSpec, { firstContent_ms }: DispatchLimits): number | undefined {
    if (!this.policy.hedging || !this.scenario.coordinator.hedging) return undefined;
    return hedgeDelay_ms(firstContent_ms, this.#placement.rates.firstContentP90_ms(build, promptTokens));
  }
}

function costProfileWith(changed: Partial<CostProfile>): CostProfile {
  if (Object.keys(changed).length === 0) return DEFAULT_COST_PROFILE;
  return { ...DEFAULT_COST_PROFILE, ...changed, version: `${DEFAULT_COST_PROFILE.version}-changed` };
}

const AFFINITY_LIMITS = { ttl_ms: 600_000, entries_max: 100_000 } as const;
const NOBODY: ReadonlySet<string> = new Set();
/** The coordinator's own defaults (`UMBEL_CONTENT_BUDGET` and so on). */
const LATER_LIMITS = {
  contentBudget_ms: 120_000,
  loading_ms: 180_000,
  loadingSilence_ms: 30_000,
  idle_ms: 600_000,
  grace_ms: 30_000,
} as const;

function attemptOf(request: LiveRequest, racer: number): Attempt {
  const attempt = request.attempts.get(racer);
  if (attempt === undefined) throw new Error(`request ${request.arrival.number} has no racer ${racer}`);
  return attempt;
}

function refusalWords(cause: RefusalCause): string {
  switch (cause.type) {
    case "queue":
      return `queue_${cause.reason}`;
    case "exhausted":
      return cause.failure;
    case "nobody":
    case "too_slow":
    case "deadline":
    case "fault":
      return cause.type;
  }
}
