import { type AttemptOutcome, type JudgedWork, type ProviderView, type RequestSpec, withSuspectRelease } from "@umbel/routing";
import type { SessionContext } from "./session-context.js";

/** Whose health it is. */
interface Subject {
  readonly machineId: string;
  readonly version: string;
}

/** What one session teaches of its machine's health, and whoever has to hear of it. */
export class SessionHealth {
  readonly #subject: Subject;
  readonly #context: SessionContext;

  constructor(subject: Subject, context: SessionContext) {
    this.#subject = subject;
    this.#context = context;
  }

  /** The view with what is known of the machine's health and of its release's. */
  applied(view: ProviderView): ProviderView {
    const { health, releases, clock } = this.#context;
    return withSuspectRelease(health.memory.applied(view), releases.isSuspect(this.#subject.version, clock.now_ms()));
  }

  reserved(): void {
    this.#context.health.memory.reserved(this.#subject.machineId, this.#context.clock.now_ms());
  }

  judged(work: JudgedWork, outcome: AttemptOutcome): void {
    const { machineId, version } = this.#subject;
    const { health, releases, clock, events, onSuspectRelease } = this.#context;
    const now_ms = clock.now_ms();
    const { breaker, cooled } = health.memory.judged(machineId, work, outcome, now_ms);
    if (cooled) events({ type: "error_cooldown", machineId, shape: work.needsTools ? "tools" : "base" });
    if (breaker !== undefined) events({ type: "breaker", machineId, state: breaker });
    if (cooled || breaker !== undefined || outcome === "disconnected") health.storeSoon();
    if (breaker === "opened" && releases.opened(version, machineId, now_ms)) onSuspectRelease(version);
  }

  /** A heartbeat has come so long after the one before. */
  alive(gap_ms: number): void {
    this.#context.health.memory.alive(this.#subject.machineId, gap_ms);
  }

  challenged(outcome: "passed" | "failed"): void {
    this.#context.health.memory.challenged(this.#subject.machineId, outcome);
  }

  /** First content came so long after the request was sent; what reading the prompt takes is not the machine's delay. */
  responded(view: ProviderView, { build, promptTokens }: Pick<RequestSpec, "build" | "promptTokens">, wait_ms: number): void {
    const prefill_tps = view.slots?.get(build)?.observedPrefill_tps || view.staticPrefill_tps;
    const reading_ms = prefill_tps > 0 ? (promptTokens * 1_000) / prefill_tps : 0;
    this.#context.health.memory.responded(this.#subject.machineId, wait_ms - reading_ms);
  }
}
