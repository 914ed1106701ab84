import { changedCostProfile } from "../cost/profile.js";
import {
  type DispatchEffect,
  type DispatchEvent,
  type RefusalCause,
  reduceDispatch,
  type Step,
  startDispatch,
  wakeAt_ms,
} from "../dispatch/index.js";
import type { Verdict } from "../queue/fair-lane.js";
import { isWorthWaiting, waitingOutlook } from "../queue/outlook.js";
import type { FailureClass } from "../retry-policy.js";
import type { RequestSpec } from "../types.js";
import type { Arrival } from "./arrivals.js";
import { entry, type SimulatedBuild } from "./fleet-mix.js";
import { Intake } from "./intake.js";
import { Lines } from "./lines.js";
import type { Attempt, LiveRequest } from "./live-request.js";
import type { SimulatedMachine } from "./machine.js";
import { Placement } from "./placement.js";
import type { Policy } from "./policies.js";
import type { Recorder } from "./recorder.js";
import { machineIdOf } from "./report.js";
import { Reservations } from "./reservations.js";
import type { Scenario } from "./scenario.js";
import { streamOf } from "./streams.js";
import { Warmth } from "./warmth.js";
import type { Saying, Work } from "./work.js";

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
  readonly #intake: Intake;
  readonly #reservations: Reservations;
  readonly #live = new Map<number, LiveRequest>();

  constructor(
    scenario: Scenario,
    private readonly builds: readonly SimulatedBuild[],
    policy: Policy,
    private readonly outside: Outside,
    private readonly recorder: Recorder,
  ) {
    const costProfile = changedCostProfile(scenario.coordinator.cost);
    this.#placement = new Placement(policy.createSelector(), builds, streamOf(scenario.seed, "dice"), costProfile);
    this.#lines = new Lines(builds, this.#placement, scenario.coordinator);
    this.#warmth = new Warmth(scenario, builds, outside.machines, this.#placement, this.#lines);
    this.#intake = new Intake(scenario, builds, outside.machines, policy.hedging, this.#placement.rates);
    this.#reservations = new Reservations(this.#placement, this.#warmth, outside, recorder);
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
    for (const attempt of this.#reservations.ofSession(sessionId)) this.#failed(attempt, "disconnected");
    this.#reservations.sessionEnded(sessionId);
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
    const { spec, input } = this.#intake.taken(arrival, this.outside.now_ms());
    const step = startDispatch(input);
    const request: LiveRequest = {
      arrival,
      spec,
      state: step.state,
      tickAt_ms: Number.POSITIVE_INFINITY,
      waitsFor: undefined,
      attempts: new Map(),
      firstContent_ms: undefined,
      decode_tps: 0,
      hasLeft: false,
    };
    this.#live.set(arrival.number, request);
    this.recorder.arrived(arrival);
    this.#take(request, step);
  }

  /** A machine's word, as it comes in. */
  heard(work: Work, saying: Saying): void {
    const attempt = this.#reservations.ofWork(work.id);
    if (saying.type === "complete" || saying.type === "failed") {
      if (attempt === undefined) this.#reservations.lastWord(work.id);
      else this.#placement.ended(attempt, this.outside.now_ms());
    }
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
        this.#placement.rates.firstContent(spec.build, spec.promptTokens, this.outside.now_ms() - attempt.began_ms);
        this.#event(request, { type: "content", racer });
        return;
      case "complete":
        request.decode_tps = saying.decode_tps;
        this.#reservations.judge(attempt, "success");
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

  /** Its consumer has left, if it has not been answered by now. */
  left(number: number): void {
    const request = this.#live.get(number);
    if (request === undefined) return;
    request.hasLeft = true;
    this.recorder.left(request);
    this.#event(request, { type: "client_gone" });
  }

  tick(number: number): void {
    const request = this.#live.get(number);
    const now_ms = this.outside.now_ms();
    if (request === undefined || request.tickAt_ms > now_ms) return;
    request.tickAt_ms = Number.POSITIVE_INFINITY;
    if (wakeAt_ms(request.state) <= now_ms) this.#event(request, { type: "tick" });
    else this.#planTick(request);
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
    const { purpose, number } = waitsFor;
    const { place, decision } = this.#reservations.reserve(request, specFor(request, waitsFor), purpose, number);
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
    this.#planTick(request);
  }

  /** What lies far ahead is looked for again later: most requests have ended by then, and their ticks would fill the heap of events. */
  #planTick(request: LiveRequest): void {
    const wake_ms = Math.min(wakeAt_ms(request.state), this.outside.now_ms() + TICK_AHEAD_MS);
    if (wake_ms >= request.tickAt_ms || request.state.stage === "done") return;
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
        this.#send(attemptOf(request, effect.racer));
        return undefined;
      case "cancel":
        this.outside.cancel(attemptOf(request, effect.racer));
        return undefined;
      case "blame_timeout":
        this.#warmth.pressed("ttft_miss", request.spec.build, now_ms);
        this.#reservations.judge(attemptOf(request, effect.racer), "timeout");
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
    this.#intake.answered(arrival, machineIdOf(attempt.machine.spec.number), now_ms);
  }

  #reserveFor(request: LiveRequest, effect: Extract<DispatchEffect, { type: "reserve" }>): DispatchEvent {
    const { purpose, number } = effect;
    const { build } = request.spec;
    const now_ms = this.outside.now_ms();
    // Whoever came first goes first.
    if (purpose === "first" && this.#lines.depth(request.arrival.build) > 0) return { type: "none_available", waitable: true };
    if (purpose === "hedge" && !this.#reservations.takeHedge(build, effect.failures)) return { type: "none_available", waitable: false };
    const { place, decision } = this.#reservations.reserve(request, specFor(request, effect), purpose, number);
    if (place !== undefined) return { type: "reserved", place };
    if (purpose === "first") this.#warmth.pressed("capacity_reject", build, now_ms);
    return { type: "none_available", waitable: isWorthWaiting(decision), isTooSlow: decision.refusals.ttft_ceiling !== undefined };
  }

  #send(attempt: Attempt): void {
    attempt.work.ordinal = this.#placement.sent(attempt);
    this.outside.send(attempt);
  }

  #release(attempt: Attempt): void {
    if (this.#reservations.release(attempt)) this.#lines.freed(attempt.machine.spec.builds);
  }

  #failed(attempt: Attempt, failure: FailureClass): void {
    this.#reservations.judge(attempt, failure);
    if (failure !== "cancelled") this.recorder.attemptFailed(attempt, failure);
    this.#event(attempt.request, { type: "failed", racer: attempt.racer, failure });
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
}

const TICK_AHEAD_MS = 30_000;

function specFor({ spec }: LiveRequest, { excluded, avoidVersion }: Pick<RequestSpec, "excluded" | "avoidVersion">): RequestSpec {
  return excluded.size === 0 && avoidVersion === spec.avoidVersion ? spec : { ...spec, excluded, avoidVersion };
}

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
