import { type FailureClass, retryPolicy } from "../retry-policy.js";
import type { ProviderView, RequestSpec } from "../types.js";
import { type ViewedHealth, withHealth } from "../views.js";
import { afterErrorFault, cooldownKey, type ErrorCooldown, NO_ERROR_COOLDOWN } from "./error-cooldown.js";
import type { HealthRecord } from "./health-record.js";
import { loadCooldown } from "./load-cooldown.js";
import {
  CLOSED_NODE_BREAKER,
  type NodeBreaker,
  type NodeBreakerEvent,
  nodeBreaker,
  nodeBreakerPhase,
  nodeBreakerRefusesUntil_ms,
} from "./node-breaker.js";
import { NO_OUTCOMES, type OutcomeCounts, reliabilityOf, withOutcome } from "./outcomes.js";
import { NEW_REPUTATION, type Reputation, reputationScore, UPTIME_GAP_ms_max, withResponse } from "./reputation.js";

/** What one attempt says of the machine that served it. */
export type AttemptOutcome = "success" | "neutral" | FailureClass;

/** Machines remembered; the one heard of least recently is forgotten first. */
export const REMEMBERED_MACHINES_MAX = 50_000;
/** Builds, and kinds of request, of one machine that rest at once; the one that has rested longest is forgotten first. */
export const COOLDOWNS_MAX = 64;
/** Uptime that is worth storing. */
const UPTIME_STEP_ms = 300_000;

/** What an attempt was at. */
export interface JudgedWork extends Pick<RequestSpec, "build" | "needsTools"> {
  /** Monotonic instant at which it was placed on the machine. */
  readonly began_ms: number;
}

/** What an outcome has changed beyond counting. */
export interface Judgement {
  readonly breaker: "opened" | "closed" | undefined;
  /** The kind of request rests on the machine from now on. */
  readonly cooled: boolean;
}

/** What people may see of a machine's health. */
export interface MachineStanding {
  /** Between 0 and 1; see `reputationScore`. */
  readonly score: number;
  readonly reputation: Reputation;
  /** Least share of successes, with 95 % confidence; undefined while too little is known. */
  readonly reliability: number | undefined;
}

interface MachineHealth {
  breaker: NodeBreaker;
  /** By build: monotonic instant until which loads rest. */
  readonly loadCooldowns: Map<string, number>;
  readonly errorCooldowns: Map<string, ErrorCooldown>;
  outcomes: OutcomeCounts;
  reputation: Reputation;
  /** What of it goes into views; undefined once something was learnt, until it is asked for. */
  viewed: ViewedHealth | undefined;
}

/** How machines and their loads failed and how they stand, kept by machine id so that a reconnect launders nothing (routing.md §11). */
export class HealthMemory {
  readonly #machines = new Map<string, MachineHealth>();
  /** Machines of which something was learnt that is not stored yet. */
  readonly #unstored = new Set<string>();

  /** Work was placed on the machine. */
  reserved(machineId: string, now_ms: number): void {
    const health = this.#machineOf(machineId);
    this.#breakerEvent(machineId, health, "reserved", now_ms);
  }

  /** Work on the machine ended. What an outcome counts against is routing's table. */
  judged(machineId: string, work: JudgedWork, outcome: AttemptOutcome, now_ms: number): Judgement {
    const health = this.#machineOf(machineId);
    const before = nodeBreakerPhase(health.breaker, now_ms);
    if (outcome === "success") {
      this.#breakerEvent(machineId, health, "success", now_ms);
      health.loadCooldowns.delete(work.build);
      health.errorCooldowns.delete(cooldownKey(work));
      this.#count(machineId, health, "success");
      return { breaker: before === "closed" ? undefined : "closed", cooled: false };
    }
    const policy = outcome === "neutral" ? undefined : retryPolicy(outcome);
    this.#breakerEvent(machineId, health, policy?.breaker === "node" ? "fault" : "neutral", now_ms);
    if (policy?.countsAgainstReputation === true) this.#count(machineId, health, "failure");
    if (policy?.breaker === "load") {
      const until_ms = loadCooldown(health.loadCooldowns.get(work.build) ?? 0, "load_failed", now_ms);
      remember(health.loadCooldowns, work.build, until_ms);
      this.#learnt(machineId, health);
    }
    const after = nodeBreakerPhase(health.breaker, now_ms);
    const strikes = policy?.breaker === "node" || policy?.breaker === "shape";
    return {
      breaker: after === "open" && before !== "open" ? "opened" : undefined,
      cooled: strikes && this.#strike(machineId, health, work, now_ms),
    };
  }

  /** What the machine has said of its work cannot be: an answer that it did counts as one that it did not. */
  misreported(machineId: string): void {
    this.#count(machineId, this.#machineOf(machineId), "failure");
  }

  /** A heartbeat came so long after the one before. */
  alive(machineId: string, gap_ms: number): void {
    if (gap_ms <= 0 || gap_ms > UPTIME_GAP_ms_max) return;
    const health = this.#machineOf(machineId);
    const { uptime_ms } = health.reputation;
    health.reputation = { ...health.reputation, uptime_ms: uptime_ms + gap_ms };
    if (Math.floor((uptime_ms + gap_ms) / UPTIME_STEP_ms) > Math.floor(uptime_ms / UPTIME_STEP_ms)) this.#unstored.add(machineId);
  }

  challenged(machineId: string, outcome: "passed" | "failed"): void {
    const health = this.#machineOf(machineId);
    const field = outcome === "passed" ? "challengesOk" : "challengesFailed";
    health.reputation = { ...health.reputation, [field]: health.reputation[field] + 1 };
    this.#unstored.add(machineId);
  }

  /** The first content came so long after it could have come at the earliest. */
  responded(machineId: string, beyondReading_ms: number): void {
    const health = this.#machineOf(machineId);
    health.reputation = withResponse(health.reputation, beyondReading_ms);
  }

  standing(machineId: string): MachineStanding {
    const { reputation = NEW_REPUTATION, outcomes = NO_OUTCOMES } = this.#machines.get(machineId) ?? {};
    return { score: reputationScore(reputation), reputation, reliability: reliabilityOf(outcomes) };
  }

  /** The view with what is remembered of its machine; the same object when that changes nothing. */
  applied(view: ProviderView): ProviderView {
    const health = this.#machines.get(view.machineId);
    if (health === undefined) return view;
    health.viewed ??= viewedOf(health);
    return withHealth(view, health.viewed);
  }

  /** Takes over what an earlier process has stored, unless this one knows the machine already. */
  restore(machineId: string, record: HealthRecord): void {
    if (this.#machines.has(machineId)) return;
    const health = this.#machineOf(machineId);
    health.breaker = record.breaker;
    health.outcomes = record.outcomes;
    health.reputation = record.reputation;
    for (const [build, until_ms] of Object.entries(record.loadCooldowns)) remember(health.loadCooldowns, build, until_ms);
    for (const [key, cooldown] of Object.entries(record.errorCooldowns)) remember(health.errorCooldowns, key, cooldown);
  }

  /** Machines of which something was learnt since they were given out last, at most so many, with all that is to be stored. */
  takeUnstored(machines_max: number): readonly (readonly [machineId: string, record: HealthRecord])[] {
    const taken: [string, HealthRecord][] = [];
    for (const machineId of this.#unstored) {
      if (taken.length === machines_max) break;
      this.#unstored.delete(machineId);
      const health = this.#machines.get(machineId);
      if (health !== undefined) taken.push([machineId, recordOf(health)]);
    }
    return taken;
  }

  /** What was given out could not be stored: it is given out again. */
  notStored(machineIds: Iterable<string>): void {
    for (const machineId of machineIds) this.#unstored.add(machineId);
  }

  #breakerEvent(machineId: string, health: MachineHealth, event: NodeBreakerEvent, now_ms: number): void {
    const next = nodeBreaker(health.breaker, event, now_ms);
    if (next === health.breaker) return;
    health.breaker = next;
    this.#learnt(machineId, health);
  }

  #count(machineId: string, health: MachineHealth, outcome: "success" | "failure"): void {
    health.outcomes = withOutcome(health.outcomes, outcome);
    const { reputation } = health;
    health.reputation =
      outcome === "success" ? { ...reputation, jobsOk: reputation.jobsOk + 1 } : { ...reputation, jobsFailed: reputation.jobsFailed + 1 };
    this.#learnt(machineId, health);
  }

  /** @returns whether the kind of request rests only since now */
  #strike(machineId: string, health: MachineHealth, work: JudgedWork, now_ms: number): boolean {
    const { errorCooldowns } = health;
    const key = cooldownKey(work);
    const before = errorCooldowns.get(key) ?? NO_ERROR_COOLDOWN;
    const after = afterErrorFault(before, work.began_ms, now_ms);
    if (after === before) return false;
    remember(errorCooldowns, key, after);
    this.#learnt(machineId, health);
    return after.until_ms > 0 && before.until_ms <= now_ms;
  }

  #learnt(machineId: string, health: MachineHealth): void {
    health.viewed = undefined;
    this.#unstored.add(machineId);
  }

  #machineOf(machineId: string): MachineHealth {
    const health = this.#machines.get(machineId) ?? {
      breaker: CLOSED_NODE_BREAKER,
      loadCooldowns: new Map(),
      errorCooldowns: new Map(),
      outcomes: NO_OUTCOMES,
      reputation: NEW_REPUTATION,
      viewed: undefined,
    };
    this.#machines.delete(machineId);
    this.#machines.set(machineId, health);
    if (this.#machines.size > REMEMBERED_MACHINES_MAX) {
      const [oldest] = this.#machines.keys();
      if (oldest !== undefined) this.#machines.delete(oldest);
    }
    return health;
  }
}

const NONE: ReadonlyMap<string, number> = new Map();

function viewedOf({ breaker, loadCooldowns, errorCooldowns, outcomes }: MachineHealth): ViewedHealth {
  return {
    breakerOpenUntil_ms: nodeBreakerRefusesUntil_ms(breaker),
    loadCooldownUntil_ms: loadCooldowns,
    errorCooldownUntil_ms: standingCooldowns(errorCooldowns),
    reliability: reliabilityOf(outcomes),
  };
}

function standingCooldowns(cooldowns: ReadonlyMap<string, ErrorCooldown>): ReadonlyMap<string, number> {
  if (cooldowns.size === 0) return NONE;
  return new Map([...cooldowns].flatMap(([key, { until_ms }]) => (until_ms > 0 ? [[key, until_ms]] : [])));
}

function remember<Value>(values: Map<string, Value>, key: string, value: Value): void {
  values.delete(key);
  values.set(key, value);
  if (values.size <= COOLDOWNS_MAX) return;
  const [oldest] = values.keys();
  if (oldest !== undefined) values.delete(oldest);
}

function recordOf({ breaker, loadCooldowns, errorCooldowns, outcomes, reputation }: MachineHealth): HealthRecord {
  return {
    breaker,
    loadCooldowns: Object.fromEntries(loadCooldowns),
    errorCooldowns: Object.fromEntries(errorCooldowns),
    outcomes,
    reputation,
  };
}
