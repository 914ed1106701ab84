import type { SettleReason } from "../dispatch/index.js";
import type { FailureClass } from "../retry-policy.js";
import type { Decision } from "../types.js";
import type { Arrival } from "./arrivals.js";
import { Digest } from "./digest.js";
import { type Figures, gini, jain, type Point } from "./figures.js";
import { Histogram } from "./histogram.js";
import type { Attempt, LiveRequest } from "./live-request.js";
import type { Scenario } from "./scenario.js";

/** What the world looks like at one instant. */
export interface Gauges {
  readonly writing: number;
  readonly places: number;
  readonly busyMachines: number;
  readonly machines: number;
  readonly waiting: number;
}

/** Points of a plot over the run. */
const POINTS = 120;

/** Counts what happens in one run. Figures leave the warm-up out; plots show it. */
export class Recorder {
  readonly #digest = new Digest();
  readonly #from_ms: number;
  readonly #width_ms: number;
  readonly #ttft = new Histogram();
  readonly #decode = new Histogram();
  readonly #total = new Histogram();
  readonly #visits = new Histogram();
  readonly #regret = new Histogram();
  readonly #refusals: Record<string, number> = {};
  readonly #failures: Partial<Record<FailureClass, number>> = {};
  readonly #brokenOff: Partial<Record<SettleReason, number>> = {};
  readonly #served: Float64Array;
  readonly #accounts = new AccountTally();
  readonly #points: Point[] = [];
  readonly #window = new WindowTally();
  #count = {
    requests: 0,
    completed: 0,
    good: 0,
    queued: 0,
    hedges: 0,
    hedgesWon: 0,
    retries: 0,
    coldDispatches: 0,
    loads: 0,
    unloads: 0,
    left: 0,
  };
  #tokens = { written: 0, read: 0, wastedHedging: 0, wastedRetrying: 0 };
  #falseRejections = { checked: 0, found: 0 };
  #utilisation = { samples: 0, sum: 0 };
  #cached = { asked: 0, found: 0 };

  constructor(
    private readonly scenario: Scenario,
    machines: number,
  ) {
    this.#from_ms = scenario.warmup_s * 1000;
    this.#width_ms = (scenario.duration_s * 1000) / POINTS;
    this.#served = new Float64Array(machines);
  }

  /** Between two points of the plots. */
  get width_ms(): number {
    return this.#width_ms;
  }

  arrived(arrival: Arrival): void {
    this.#window.requests += 1;
    this.#window.accounts.offered(arrival.account);
    if (!this.#counts(arrival)) return;
    this.#count.requests += 1;
    this.#accounts.offered(arrival.account);
  }

  decided({ arrival }: LiveRequest, purpose: Attempt["purpose"], machine: number | undefined, decision: Decision, now_ms: number): void {
    this.#digest.add(now_ms);
    this.#digest.add(arrival.number);
    this.#digest.add(machine ?? -1);
    if (machine !== undefined && purpose === "hedge") this.#window.hedges += 1;
    if (machine !== undefined && purpose === "retry") this.#window.retries += 1;
    if (!this.#counts(arrival)) return;
    this.#visits.add(decision.visits ?? decision.considered);
    if (machine === undefined) return;
    if (purpose === "hedge") this.#count.hedges += 1;
    if (purpose === "retry") this.#count.retries += 1;
    if ((decision.winner?.terms["state"] ?? 0) > 0) this.#count.coldDispatches += 1;
  }

  queued({ arrival }: LiveRequest): void {
    if (this.#counts(arrival)) this.#count.queued += 1;
  }

  firstContent({ arrival }: LiveRequest, attempt: Attempt, now_ms: number): void {
    const ttft_ms = now_ms - arrival.at_ms;
    this.#window.ttft.add(ttft_ms);
    if (!this.#counts(arrival)) return;
    this.#ttft.add(ttft_ms);
    if (attempt.purpose === "hedge") this.#count.hedgesWon += 1;
    this.#cached.asked += arrival.sharedTokens;
    this.#cached.found += attempt.work.cachedTokens;
  }

  left({ arrival }: LiveRequest): void {
    if (this.#counts(arrival)) this.#count.left += 1;
  }

  settled({ request, machine }: Attempt, reason: SettleReason, now_ms: number): void {
    const { arrival } = request;
    this.#digest.add(now_ms);
    if (request.hasLeft) return;
    const isComplete = reason === "complete";
    const isGood = isComplete && this.#isGood(request);
    if (isGood) {
      this.#window.good += 1;
      this.#window.accounts.good(arrival.account);
    } else if (!isComplete) this.#window.refuse(reason);
    if (!this.#counts(arrival)) return;
    if (!isComplete) {
      this.#brokenOff[reason] = (this.#brokenOff[reason] ?? 0) + 1;
      return;
    }
    this.#count.completed += 1;
    this.#tokens.written += arrival.outputTokens;
    this.#tokens.read += arrival.promptTokens;
    this.#decode.add(request.decode_tps);
    this.#total.add(now_ms - arrival.at_ms);
    this.#served[machine.spec.number] = (this.#served[machine.spec.number] ?? 0) + arrival.outputTokens;
    if (!isGood) return;
    this.#count.good += 1;
    this.#accounts.good(arrival.account);
  }

  refused({ arrival }: LiveRequest, reason: string, now_ms: number): void {
    this.#digest.add(now_ms);
    this.#window.refuse(reason);
    if (this.#counts(arrival)) this.#refusals[reason] = (this.#refusals[reason] ?? 0) + 1;
  }

  attemptFailed({ request: { arrival } }: Attempt, failure: FailureClass): void {
    if (this.#counts(arrival)) this.#failures[failure] = (this.#failures[failure] ?? 0) + 1;
  }

  /** A machine worked for nothing. @param read whether it had read the prompt */
  wasted({ purpose, request, work }: Attempt, written: number, read: boolean): void {
    if (!this.#counts(request.arrival)) return;
    const tokens = written + (read ? work.promptTokens - work.cachedTokens : 0);
    const isHedging = purpose === "hedge" || [...request.attempts.values()].some((other) => other.purpose === "hedge");
    if (isHedging) this.#tokens.wastedHedging += tokens;
    else this.#tokens.wastedRetrying += tokens;
  }

  loaded(now_ms: number): void {
    this.#window.loads += 1;
    if (now_ms >= this.#from_ms) this.#count.loads += 1;
  }

  refusalChecked(isFalse: boolean): void {
    this.#falseRejections.checked += 1;
    if (isFalse) this.#falseRejections.found += 1;
  }

  regretted(regret_ms: number): void {
    this.#regret.add(regret_ms);
  }

  /** The end of one stretch of the plots. */
  sample(now_ms: number, gauges: Gauges): void {
    const utilisation = gauges.places === 0 ? 0 : gauges.writing / gauges.places;
    if (now_ms > this.#from_ms) {
      this.#utilisation.samples += 1;
      this.#utilisation.sum += utilisation;
    }
    this.#points.push(this.#window.point(now_ms, this.#width_ms, utilisation, gauges));
    this.#window.clear();
  }

  figures(): Figures {
    const { duration_s, warmup_s } = this.scenario;
    const seconds = duration_s - warmup_s;
    const { requests, completed, good, ...counts } = this.#count;
    const { written, read, wastedHedging, wastedRetrying } = this.#tokens;
    const refused = Object.values(this.#refusals).reduce((sum, count) => sum + count, 0);
    const brokenOff = Object.values(this.#brokenOff).reduce((sum, count) => sum + count, 0);
    const work = Math.max(1, written + read);
    const { checked, found } = this.#falseRejections;
    return {
      requests,
      completed,
      good,
      goodput_perSecond: good / seconds,
      goodShare: requests === counts.left ? 1 : good / (requests - counts.left),
      written_tps: written / seconds,
      ttft_ms: {
        p50: this.#ttft.percentile(0.5),
        p95: this.#ttft.percentile(0.95),
        p99: this.#ttft.percentile(0.99),
        mean: this.#ttft.mean,
      },
      total_ms: {
        p50: this.#total.percentile(0.5),
        p95: this.#total.percentile(0.95),
        p99: this.#total.percentile(0.99),
        mean: this.#total.mean,
      },
      decode_tps: { p5: this.#decode.percentile(0.05), p50: this.#decode.percentile(0.5) },
      refused,
      refusals: { ...this.#refusals },
      brokenOff,
      attemptFailures: { ...this.#failures },
      falseRejectionShare: checked === 0 ? 0 : found / checked,
      ...counts,
      wasted_tokens: { hedging: Math.round(wastedHedging), retrying: Math.round(wastedRetrying) },
      extraWork: { hedging: wastedHedging / work, retrying: wastedRetrying / work },
      prefixHitShare: this.#cached.asked === 0 ? 0 : this.#cached.found / this.#cached.asked,
      fairness: jain(this.#accounts.shares()),
      loadGini: gini(this.#served),
      utilisation: this.#utilisation.samples === 0 ? 0 : this.#utilisation.sum / this.#utilisation.samples,
      visits: { mean: this.#visits.mean, p99: this.#visits.percentile(0.99) },
      regret_ms: { mean: this.#regret.mean, p95: this.#regret.percentile(0.95) },
      digest: this.#digest.hex,
    };
  }

  points(): readonly Point[] {
    return this.#points;
  }

  #counts({ at_ms }: Arrival): boolean {
    return at_ms >= this.#from_ms;
  }

  #isGood({ arrival, firstContent_ms, decode_tps }: LiveRequest): boolean {
    const { ttft_s, ttft_per_prompt_token_ms, decode_tps: least_tps } = this.scenario.target;
    if (firstContent_ms === undefined || decode_tps < least_tps) return false;
    return firstContent_ms - arrival.at_ms <= ttft_s * 1000 + ttft_per_prompt_token_ms * arrival.promptTokens;
  }
}

/** What each account asked for, and what it got. */
class AccountTally {
  readonly #offered = new Map<number, number>();
  readonly #good = new Map<number, number>();

  offered(account: number): void {
    this.#offered.set(account, (this.#offered.get(account) ?? 0) + 1);
  }

  good(account: number): void {
    this.#good.set(account, (this.#good.get(account) ?? 0) + 1);
  }

  /** The share of its requests that each account saw answered well. */
  shares(): readonly number[] {
    return [...this.#offered].map(([account, offered]) => Math.min(1, (this.#good.get(account) ?? 0) / offered));
  }

  clear(): void {
    this.#offered.clear();
    this.#good.clear();
  }
}

/** What happened since the last point of the plots. */
class WindowTally {
  readonly ttft = new Histogram();
  readonly accounts = new AccountTally();
  requests = 0;
  good = 0;
  hedges = 0;
  retries = 0;
  loads = 0;
  #refusals: Record<string, number> = {};

  refuse(reason: string): void {
    this.#refusals[reason] = (this.#refusals[reason] ?? 0) + 1;
  }

  point(now_ms: number, width_ms: number, utilisation: number, { waiting, busyMachines, machines }: Gauges): Point {
    const seconds = width_ms / 1000;
    return {
      at_s: now_ms / 1000,
      requests_perSecond: this.requests / seconds,
      goodput_perSecond: this.good / seconds,
      ttft_p50_ms: this.ttft.percentile(0.5),
      ttft_p95_ms: this.ttft.percentile(0.95),
      ttft_p99_ms: this.ttft.percentile(0.99),
      utilisation,
      busyShare: machines === 0 ? 0 : busyMachines / machines,
      waiting,
      hedges: this.hedges,
      retries: this.retries,
      loads: this.loads,
      refusals: this.#refusals,
      fairness: jain(this.accounts.shares()),
    };
  }

  clear(): void {
    this.ttft.clear();
    this.accounts.clear();
    this.requests = this.good = this.hedges = this.retries = this.loads = 0;
    this.#refusals = {};
  }
}
