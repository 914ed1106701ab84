import type { DispatchEffect, DispatchEvent, DispatchLimits, HedgeBudget, Place } from "../dispatch/index.js";
import { createHedgeBudget, hedgeDelay_ms, reduceDispatch, type Step, startDispatch, wakeAt_ms } from "../dispatch/index.js";
import { HealthMemory } from "../health/health-memory.js";
import { isWorthWaiting, waitingOutlook } from "../queue/outlook.js";
import { type LineConditions, WaitingLine } from "../queue/waiting-line.js";
import { createObservedRates } from "../rates/observed-rates.js";
import type { FailureClass } from "../retry-policy.js";
import type { Affinity, Decision, ProviderView, RequestSpec, RoutingContext } from "../types.js";
import { withHeartbeat, withoutPending, withPending } from "../views.js";
import type { Arrival } from "./arrivals.js";
import { entry, type SimulatedBuild } from "./fleet-mix.js";
import type { Attempt, LiveRequest } from "./live-request.js";
import type { SimulatedMachine } from "./machine.js";
import type { Policy, Selector } from "./policies.js";
import type { Recorder } from "./recorder.js";
import { heartbeatOf, machineIdOf, registeredView, WEIGHT_HASH } from "./report.js";
import type { Scenario } from "./scenario.js";
import { streamOf } from "./streams.js";
import { demand_tokens, type Saying, type Work, workOf } from "./work.js";

/** What the coordinator can do to the world. */
export interface Outside {
  now_ms(): number;
  send(attempt: Attempt): void;
  cancel(attempt: Attempt): void;
  planTick(request: LiveRequest, at_ms: number): void;
  planExpiry(build: number, at_ms: number): void;
  /** For whoever judges decisions by the truth. */
  placed(arrival: Arrival, machine: SimulatedMachine): void;
  refused(arrival: Arrival): void;
  /** Machines by number. */
  readonly machines: readonly SimulatedMachine[];
}

/** The coordinator's part of a run: the real selection, queue, health memory, rates and dispatch, over the machines as they report. */
export class SimulatedCoordinator {
  readonly #selector: Selector;
  readonly #views: (ProviderView | undefined)[] = [];
  readonly #generations: number[] = [];
  readonly #health = new HealthMemory();
  readonly #rates = createObservedRates();
  readonly #hedges: HedgeBudget = createHedgeBudget();
  readonly #lines = new Map<number, WaitingLine<NonNullable<LiveRequest["waiter"]>>>();
  readonly #toOffer = new Set<number>();
  readonly #live = new Map<number, LiveRequest>();
  readonly #attempts = new Map<number, Attempt>();
  /** Who served a conversation last. */
  readonly #holders = new Map<number, string>();
  readonly #random: () => number;
  #works = 0;

  constructor(
    private readonly scenario: Scenario,
    private readonly builds: readonly SimulatedBuild[],
    private readonly policy: Policy,
    private readonly outside: Outside,
    private readonly recorder: Recorder,
  ) {
    this.#selector = policy.createSelector();
    this.#random = streamOf(scenario.seed, "dice");
  }

  get live(): number {
    return this.#live.size;
  }

  get waiting(): number {
    let waiting = 0;
    for (const line of this.#lines.values()) waiting += line.size;
    return waiting;
  }

  connected(machine: SimulatedMachine): void {
    const { number } = machine.spec;
    const generation = (this.#generations[number] ?? 0) + 1;
    this.#generations[number] = generation;
    const view = registeredView(machine, `session-${number}-${generation}`, this.builds, this.outside.now_ms());
    this.#put(machine, this.#health.applied(withHeartbeat(view, heartbeatOf(machine, this.builds))));
    this.#offer(machine);
  }

  disconnected(machine: SimulatedMachine): void {
    const view = this.#views[machine.spec.number];
    if (view === undefined) return;
    this.#views[machine.spec.number] = undefined;
    this.#selector.remove(view.id);
    for (const attempt of [...this.#attempts.values()]) {
      if (attempt.sessionId === view.id) this.#failed(attempt, "disconnected");
    }
  }

  heartbeat(machine: SimulatedMachine): void {
    const view = this.#views[machine.spec.number];
    if (view === undefined) return;
    for (const slot of machine.slots.values()) {
      const { id } = entry(this.builds, slot.build);
      if (slot.decode_tps !== view.slots?.get(id)?.observedDecode_tps) this.#rates.decoded(id, view.computeClass, slot.decode_tps);
    }
    this.#put(machine, withHeartbeat(view, heartbeatOf(machine, this.builds)));
    this.#offer(machine);
  }

  loaded(build: number, result: "succeeded" | "failed", took_ms: number): void {
    if (result === "succeeded") this.#rates.loaded(entry(this.builds, build).id, took_ms);
  }

  arrive(arrival: Arrival): void {
    const spec = this.#specOf(arrival);
    const limits = this.#limits(arrival);
    const usual_ms = this.#rates.firstContentP90_ms(spec.build, spec.promptTokens);
    const hedgeDelay =
      this.policy.hedging && this.scenario.coordinator.hedging ? hedgeDelay_ms(limits.firstContent_ms, usual_ms) : undefined;
    const step = startDispatch({ limits, hedgeDelay_ms: hedgeDelay, isWhole: false });
    const request: LiveRequest = {
      arrival,
      spec,
      state: step.state,
      tickAt_ms: Number.POSITIVE_INFINITY,
      waiter: undefined,
      attempts: [],
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
    switch (saying.type) {
      case "accepted":
        this.#event(request, { type: "accepted", racer, phase: saying.phase, progress: saying.progress });
        return;
      case "preamble":
        this.#event(request, { type: "preamble", racer, events: 1 });
        return;
      case "content":
        this.#rates.firstContent(request.spec.build, request.spec.promptTokens, this.outside.now_ms() - attempt.placed_ms);
        this.#event(request, { type: "content", racer });
        return;
      case "complete":
        request.decode_tps = saying.decode_tps;
        this.#judge(attempt, "success");
        this.#event(request, { type: "complete", racer, isAccountValid: true });
        return;
      case "failed":
        this.#failed(attempt, saying.failure);
        return;
    }
  }

  tick(number: number): void {
    const request = this.#live.get(number);
    if (request === undefined || request.tickAt_ms > this.outside.now_ms()) return;
    request.tickAt_ms = Number.POSITIVE_INFINITY;
    this.#event(request, { type: "tick" });
  }

  expire(build: number): void {
    for (const waiter of this.#lines.get(build)?.expire(this.outside.now_ms()) ?? []) {
      waiter.request.waiter = undefined;
      this.#event(waiter.request, { type: "queue_refused", reason: "timeout" });
    }
  }

  /** Offers what became free to those who wait. Called after every event, since capacity changes in the middle of them. */
  settle(): void {
    for (const build of this.#toOffer) {
      this.#toOffer.delete(build);
      this.#lines.get(build)?.offer(({ request }) => {
        const { place, decision } = this.#reserve(request, request.spec, "first");
        if (place === undefined) return this.#unserved(request, decision);
        request.waiter = undefined;
        this.#event(request, { type: "queue_assigned", place });
        return "served";
      });
    }
  }

  #unserved(request: LiveRequest, decision: Decision): "unserved" | "hopeless" {
    const outlook = waitingOutlook(decision, request.spec);
    if (outlook === "wait") return "unserved";
    request.waiter = undefined;
    this.#event(request, { type: "queue_refused", reason: outlook });
    return "hopeless";
  }

  #event(request: LiveRequest, event: DispatchEvent): void {
    this.#take(request, reduceDispatch(request.state, event, this.outside.now_ms()));
  }

  /** Carries out what a step came to, and what comes of that. */
  #take(request: LiveRequest, first: Step): void {
    request.state = first.state;
    for (const effect of first.effects) {
      const answer = this.#perform(request, effect);
      if (answer !== undefined) this.#event(request, answer);
    }
    const wake_ms = wakeAt_ms(request.state);
    if (wake_ms < request.tickAt_ms) {
      request.tickAt_ms = wake_ms;
      this.outside.planTick(request, wake_ms);
    }
  }

  #perform(request: LiveRequest, effect: DispatchEffect): DispatchEvent | undefined {
    switch (effect.type) {
      case "reserve":
        return this.#reserveFor(request, effect);
      case "enqueue":
        return this.#enqueue(request);
      case "leave_queue":
        if (request.waiter !== undefined) this.#lines.get(request.arrival.build)?.leave(request.waiter);
        return undefined;
      case "send":
        this.outside.send(attemptOf(request, effect.racer));
        return undefined;
      case "cancel":
        this.outside.cancel(attemptOf(request, effect.racer));
        return undefined;
      case "blame_timeout":
        this.#judge(attemptOf(request, effect.racer), "timeout");
        return undefined;
      case "release":
        this.#release(attemptOf(request, effect.racer));
        return undefined;
      case "commit": {
        const attempt = attemptOf(request, effect.racer);
        request.firstContent_ms = this.outside.now_ms();
        this.recorder.firstContent(request, attempt, request.firstContent_ms);
        if (request.arrival.conversation !== undefined) {
          this.#holders.set(request.arrival.conversation, machineIdOf(attempt.machine.spec.number));
        }
        return undefined;
      }
      case "park":
        return { type: "parked" };
      case "break_off":
        return undefined;
      case "refuse": {
        const { cause } = effect;
        const reason = cause.type === "queue" ? `queue_${cause.reason}` : cause.type === "exhausted" ? cause.failure : cause.type;
        this.recorder.refused(request, reason, this.outside.now_ms());
        this.outside.refused(request.arrival);
        return this.#end(request);
      }
      case "abandon":
        return this.#end(request);
      case "settle":
        this.recorder.settled(attemptOf(request, effect.racer), effect.reason, this.outside.now_ms());
        return this.#end(request);
    }
  }

  #end(request: LiveRequest): undefined {
    this.#live.delete(request.arrival.number);
  }

  #reserveFor(request: LiveRequest, effect: Extract<DispatchEffect, { type: "reserve" }>): DispatchEvent {
    const { purpose, excluded, avoidVersion } = effect;
    const { build } = request.spec;
    // Whoever came first goes first.
    if (purpose === "first" && (this.#lines.get(request.arrival.build)?.size ?? 0) > 0) return { type: "none_available", waitable: true };
    if (purpose === "hedge" && !this.#hedges.take(build, this.outside.now_ms())) return { type: "none_available", waitable: false };
    const { place, decision } = this.#reserve(request, { ...request.spec, excluded, avoidVersion }, purpose);
    return place === undefined ? { type: "none_available", waitable: isWorthWaiting(decision) } : { type: "reserved", place };
  }

  #reserve(
    request: LiveRequest,
    spec: RequestSpec,
    purpose: Attempt["purpose"],
  ): { readonly place: Place | undefined; readonly decision: Decision } {
    const now_ms = this.outside.now_ms();
    const decision = this.#selector.select(spec, this.#context(now_ms));
    const { winner } = decision;
    const machine = winner && this.outside.machines[machineNumber(winner.providerId)];
    const view = machine && this.#views[machine.spec.number];
    this.recorder.decided(request, purpose, machine?.spec.number, decision, now_ms);
    if (machine === undefined || view === undefined || winner === undefined) return { place: undefined, decision };
    const { arrival } = request;
    if (purpose === "first") this.outside.placed(arrival, machine);
    const racer = request.attempts.length;
    const work = workOf({ ...arrival, id: this.#works++, request: arrival.number });
    const attempt: Attempt = {
      request,
      racer,
      machine,
      sessionId: view.id,
      work,
      purpose,
      placed_ms: now_ms,
      isJudged: false,
      isReleased: false,
    };
    request.attempts.push(attempt);
    this.#attempts.set(work.id, attempt);
    this.#health.reserved(view.machineId, now_ms);
    this.#rates.placed(spec.build, now_ms);
    if (purpose === "first") this.#hedges.dispatched(spec.build, now_ms);
    this.#put(machine, withPending(view, spec.build, { requests: 1, tokens: demand_tokens(work) }));
    return { place: { machineId: view.machineId, version: view.version, ttft_ms: winner.ttft_ms, mayHedge: true }, decision };
  }

  #release(attempt: Attempt): void {
    if (attempt.isReleased) return;
    attempt.isReleased = true;
    this.#attempts.delete(attempt.work.id);
    this.#judge(attempt, "neutral");
    const { machine, work, request } = attempt;
    this.#rates.freed(request.spec.build, this.outside.now_ms());
    const view = this.#views[machine.spec.number];
    if (view?.id !== attempt.sessionId) return;
    this.#put(machine, withoutPending(view, request.spec.build, { requests: 1, tokens: demand_tokens(work) }));
    this.#offer(machine);
  }

  #failed(attempt: Attempt, failure: FailureClass): void {
    this.#judge(attempt, failure);
    this.recorder.attemptFailed(attempt, failure);
    this.#event(attempt.request, { type: "failed", racer: attempt.racer, failure });
  }

  #judge(attempt: Attempt, outcome: FailureClass | "success" | "neutral"): void {
    if (attempt.isJudged) return;
    attempt.isJudged = true;
    const machineId = `machine-${attempt.machine.spec.number}`;
    this.#health.judged(machineId, attempt.request.spec, outcome, this.outside.now_ms());
  }

  /** The machine's new view. */
  #put(machine: SimulatedMachine, changed: ProviderView): void {
    const view = this.#health.applied(changed);
    this.#views[machine.spec.number] = view;
    this.#selector.set(view, this.#context(this.outside.now_ms()));
  }

  /** The machine may have room: whoever waits for one of its builds may have it. */
  #offer(machine: SimulatedMachine): void {
    if (this.#lines.size === 0) return;
    for (const build of machine.spec.builds) if ((this.#lines.get(build)?.size ?? 0) > 0) this.#toOffer.add(build);
  }

  #enqueue(request: LiveRequest): DispatchEvent | undefined {
    const now_ms = this.outside.now_ms();
    const { build } = request.arrival;
    const line = this.#lines.get(build) ?? new WaitingLine();
    this.#lines.set(build, line);
    const waiter = { spec: request.spec, deadline_ms: now_ms + this.scenario.coordinator.queue_wait_s * 1000, request };
    const joined = line.join(waiter, now_ms, this.#lineConditions(build, now_ms));
    if (joined.outcome !== "joined") return { type: "queue_refused", reason: joined.outcome === "full" ? "full" : "deadline" };
    request.waiter = waiter;
    this.recorder.queued(request);
    this.outside.planExpiry(build, waiter.deadline_ms);
    this.#toOffer.add(build);
    if (joined.displaced !== undefined) {
      joined.displaced.request.waiter = undefined;
      this.#event(joined.displaced.request, { type: "queue_refused", reason: "full" });
    }
    return undefined;
  }

  #lineConditions(build: number, now_ms: number): LineConditions {
    const { id } = entry(this.builds, build);
    let places = 0;
    for (const view of this.#views) places += view?.slots?.get(id)?.maxConcurrency ?? 0;
    return { waiters_min: this.scenario.coordinator.queue_size, places, drain_perSecond: this.#rates.drain_perSecond(id, now_ms) };
  }

  #specOf(arrival: Arrival): RequestSpec {
    return {
      requestId: String(arrival.number),
      build: entry(this.builds, arrival.build).id,
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
      ...(arrival.conversation !== undefined && { affinity: this.#affinityOf(arrival.conversation, arrival.sharedTokens) }),
      ttftCeiling_ms: this.scenario.coordinator.ttft_gate === "hard" ? this.#limits(arrival).firstContent_ms : undefined,
      kvBytesPerToken: entry(this.builds, arrival.build).kvBytesPerToken,
    };
  }

  #affinityOf(conversation: number, matched_tokens: number): Affinity {
    return { machineId: this.#holders.get(conversation), matched_tokens, placement: String(conversation) };
  }

  #limits({ promptTokens }: Arrival): DispatchLimits {
    const { first_content_base_s, first_content_per_token_ms } = this.scenario.coordinator;
    return { firstContent_ms: first_content_base_s * 1000 + first_content_per_token_ms * promptTokens, ...LATER_LIMITS };
  }

  #context(now_ms: number): RoutingContext {
    return {
      now_ms,
      random: this.#random,
      minTrust: "none",
      minVersion: "0",
      challengeFreshness_ms: Number.MAX_SAFE_INTEGER,
      rates: this.#rates,
    };
  }
}

const NOBODY: ReadonlySet<string> = new Set();
/** The coordinator's settings (`UMBEL_CONTENT_BUDGET` and so on); its own defaults. */
const LATER_LIMITS = {
  contentBudget_ms: 90_000,
  loading_ms: 180_000,
  loadingSilence_ms: 30_000,
  idle_ms: 600_000,
  grace_ms: 30_000,
} as const;

function attemptOf(request: LiveRequest, racer: number): Attempt {
  return entry(request.attempts, racer);
}

/** Sessions are called `session-<machine>-<generation>`. */
function machineNumber(sessionId: string): number {
  return Number(sessionId.split("-")[1]);
}
