import { type FailureClass, retryPolicy } from "../retry-policy.js";
import type { ProviderView } from "../types.js";
import { withBreaker, withLoadCooldown, withoutLoadCooldown } from "../views.js";
import { loadCooldown } from "./load-cooldown.js";
import { CLOSED_NODE_BREAKER, type NodeBreaker, type NodeBreakerEvent, nodeBreaker, nodeBreakerRefusesUntil_ms } from "./node-breaker.js";

/** What one attempt says of the machine that served it. */
export type AttemptOutcome = "success" | "neutral" | FailureClass;

/** Machines remembered; the one heard of least recently is forgotten first. */
export const REMEMBERED_MACHINES_MAX = 50_000;

interface MachineHealth {
  breaker: NodeBreaker;
  /** By build: monotonic instant until which loads rest. */
  readonly cooldowns: Map<string, number>;
}

/** How machines and their loads failed, kept by machine id so that a reconnect launders nothing (routing.md §11). */
export class HealthMemory {
  readonly #machines = new Map<string, MachineHealth>();

  /** Work was placed on the machine. */
  reserved(machineId: string, now_ms: number): void {
    this.#breakerEvent(machineId, "reserved", now_ms);
  }

  /** Work on the machine ended. What an outcome counts against is routing's table. */
  judged(machineId: string, build: string, outcome: AttemptOutcome, now_ms: number): void {
    const blamed = outcome === "success" || outcome === "neutral" ? "none" : retryPolicy(outcome).breaker;
    if (outcome === "success") this.#breakerEvent(machineId, "success", now_ms);
    else this.#breakerEvent(machineId, blamed === "node" ? "fault" : "neutral", now_ms);
    if (outcome === "success") this.#loadEvent(machineId, build, "completed", now_ms);
    else if (blamed === "load") this.#loadEvent(machineId, build, "load_failed", now_ms);
  }

  /** The view with what is remembered of its machine; the same object when that changes nothing. */
  applied(view: ProviderView): ProviderView {
    const health = this.#machines.get(view.machineId);
    const refusesUntil_ms = health ? nodeBreakerRefusesUntil_ms(health.breaker) : 0;
    let next = view.breakerOpenUntil_ms === refusesUntil_ms ? view : withBreaker(view, refusesUntil_ms);
    for (const build of view.loadCooldownUntil_ms.keys()) {
      if (!health?.cooldowns.has(build)) next = withoutLoadCooldown(next, build);
    }
    for (const [build, until_ms] of health?.cooldowns ?? []) {
      if (next.loadCooldownUntil_ms.get(build) !== until_ms) next = withLoadCooldown(next, build, until_ms);
    }
    return next;
  }

  #breakerEvent(machineId: string, event: NodeBreakerEvent, now_ms: number): void {
    const health = this.#machineOf(machineId);
    health.breaker = nodeBreaker(health.breaker, event, now_ms);
  }

  #loadEvent(machineId: string, build: string, event: "load_failed" | "completed", now_ms: number): void {
    const { cooldowns } = this.#machineOf(machineId);
    const until_ms = loadCooldown(cooldowns.get(build) ?? 0, event, now_ms);
    if (until_ms > 0) cooldowns.set(build, until_ms);
    else cooldowns.delete(build);
  }

  #machineOf(machineId: string): MachineHealth {
    const health = this.#machines.get(machineId) ?? { breaker: CLOSED_NODE_BREAKER, cooldowns: new Map() };
    this.#machines.delete(machineId);
    this.#machines.set(machineId, health);
    if (this.#machines.size > REMEMBERED_MACHINES_MAX) {
      const [oldest] = this.#machines.keys();
      if (oldest !== undefined) this.#machines.delete(oldest);
    }
    return health;
  }
}
