import { createHedgeBudget, type Place } from "../dispatch/index.js";
import type { AttemptOutcome } from "../health/health-memory.js";
import type { Decision, RequestSpec } from "../types.js";
import type { Outside } from "./coordinator.js";
import type { Attempt, LiveRequest } from "./live-request.js";
import type { Placement } from "./placement.js";
import type { Recorder } from "./recorder.js";
import type { Warmth } from "./warmth.js";
import { demand_tokens, workOf } from "./work.js";

/** The places that are held on machines, each for one attempt of one request. */
export class Reservations {
  readonly #hedges = createHedgeBudget();
  /** By their work's number. */
  readonly #attempts = new Map<number, Attempt>();
  /** Given back before the machine has said its last word. */
  readonly #givenUp = new Map<number, Attempt>();
  #works = 0;

  constructor(
    private readonly placement: Placement,
    private readonly warmth: Warmth,
    private readonly outside: Outside,
    private readonly recorder: Recorder,
  ) {}

  /** Undefined once it has been given back. */
  ofWork(work: number): Attempt | undefined {
    return this.#attempts.get(work);
  }

  /** A machine's last word on what has been given back already. */
  lastWord(work: number): void {
    const attempt = this.#givenUp.get(work);
    if (attempt === undefined) return;
    this.#givenUp.delete(work);
    this.placement.ended(attempt, this.outside.now_ms());
  }

  /** Nothing more will be heard of what was given back there. */
  sessionEnded(sessionId: string): void {
    for (const [work, attempt] of this.#givenUp) if (attempt.sessionId === sessionId) this.#givenUp.delete(work);
  }

  ofSession(sessionId: string): readonly Attempt[] {
    return [...this.#attempts.values()].filter((attempt) => attempt.sessionId === sessionId);
  }

  /** Takes one hedge; false when the build has none left. */
  takeHedge(build: string, failures: number): boolean {
    return this.#hedges.take(build, this.outside.now_ms(), failures);
  }

  /** Chooses a machine and holds a place there in one step. */
  reserve(
    request: LiveRequest,
    spec: RequestSpec,
    purpose: Attempt["purpose"],
    racer: number,
  ): { readonly place: Place | undefined; readonly decision: Decision } {
    const now_ms = this.outside.now_ms();
    const decision = this.placement.select(spec, now_ms);
    const { winner } = decision;
    const machine = winner && this.placement.machineOf(winner.providerId);
    this.recorder.decided(request, purpose, machine?.spec.number, decision, now_ms);
    if (machine === undefined || winner === undefined) return { place: undefined, decision };
    if (purpose === "first") this.outside.placed(request.arrival, machine);
    const work = workOf(request.arrival, this.#works++);
    const demand = { tokens: demand_tokens(work), unread_tokens: work.promptTokens };
    const { view, placed } = this.placement.hold(machine, spec.build, demand, now_ms);
    const { id: sessionId, machineId, version, accountId } = view;
    const attempt: Attempt = {
      machine,
      sessionId,
      build: spec.build,
      placed,
      request,
      racer,
      work,
      purpose,
      began_ms: now_ms,
      isJudged: false,
      isReleased: false,
    };
    request.attempts.set(racer, attempt);
    this.#attempts.set(work.id, attempt);
    if (purpose === "first") this.#hedges.dispatched(spec.build, now_ms);
    if (purpose === "hedge") this.warmth.pressed("hedge_started", spec.build, now_ms);
    if ((winner.terms["state"] ?? 0) > 0) this.warmth.pressed("cold_dispatch", spec.build, now_ms);
    // An owner's own machine costs nothing, and another would.
    const mayHedge = spec.route === "public" || accountId !== spec.accountId;
    return { place: { machineId, version, ttft_ms: winner.ttft_ms, mayHedge }, decision };
  }

  /** @returns false if it had been given back already */
  release(attempt: Attempt): boolean {
    if (attempt.isReleased) return false;
    attempt.isReleased = true;
    this.#attempts.delete(attempt.work.id);
    if (attempt.placed.ordinal !== undefined && !attempt.placed.hasEnded) this.#givenUp.set(attempt.work.id, attempt);
    this.judge(attempt, "neutral");
    this.placement.release(attempt, this.outside.now_ms());
    return true;
  }

  judge(attempt: Attempt, outcome: AttemptOutcome): void {
    if (attempt.isJudged) return;
    attempt.isJudged = true;
    this.placement.judge(attempt, attempt.request.spec, outcome, this.outside.now_ms());
  }
}
