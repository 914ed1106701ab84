import { FadingCount } from "./fading-count.js";
import { WARM_LIMITS, type WarmSettings } from "./settings.js";

/** What says that a build has too few copies in memory. */
export type PressureKind =
  /** No machine had room. */
  | "capacity_reject"
  /** The first token came, or was expected, too late. */
  | "ttft_miss"
  | "hedge_started"
  | "hedge_won"
  /** A request was placed on, or meant for, a machine that has yet to load the build. */
  | "cold_dispatch";

const SPILLS: ReadonlySet<PressureKind> = new Set(["capacity_reject", "ttft_miss", "cold_dispatch"]);

const KINDS: readonly (readonly [PressureKind, keyof WarmSettings, string])[] = [
  ["capacity_reject", "capacityRejects_min", "requests found every place taken"],
  ["ttft_miss", "ttftMisses_min", "first tokens came too late"],
  ["hedge_started", "hedgesStarted_min", "requests were sent to a second machine"],
  ["hedge_won", "hedgesWon_min", "second machines were faster"],
  ["cold_dispatch", "coldDispatches_min", "requests had to wait for a load"],
];

/** New figures weigh so much in the means of what a request is. */
const TRAFFIC_WEIGHT = 0.05;

/** Everything remembered of one build: its pressure, its traffic, and what was wished for. All of it fades. */
export class BuildMemory {
  readonly #settings: WarmSettings;
  readonly #counts = new Map<PressureKind, FadingCount>();
  readonly #spills: FadingCount;
  readonly #served: FadingCount;
  #prompt_tokens: number;
  #completion_tokens: number;
  #queue = { depth: 0, oldestSince_ms: 0, reportedAt_ms: 0 };
  #lastPressure_ms = Number.NEGATIVE_INFINITY;
  #lastLoad_ms = Number.NEGATIVE_INFINITY;
  #held = { places: 0, until_ms: Number.NEGATIVE_INFINITY };

  constructor(settings: WarmSettings) {
    this.#settings = settings;
    this.#spills = new FadingCount(settings.spillHalfLife_ms);
    this.#served = new FadingCount(settings.servedHalfLife_ms);
    this.#prompt_tokens = settings.assumedPrompt_tokens;
    this.#completion_tokens = settings.assumedCompletion_tokens;
  }

  pressed(kind: PressureKind, now_ms: number): void {
    const count = this.#counts.get(kind) ?? new FadingCount(this.#settings.pressureHalfLife_ms);
    this.#counts.set(kind, count);
    count.add(now_ms);
    if (SPILLS.has(kind)) this.#spills.add(now_ms);
    this.#lastPressure_ms = now_ms;
  }

  queued(depth: number, oldestSince_ms: number, now_ms: number): void {
    this.#queue = { depth, oldestSince_ms, reportedAt_ms: now_ms };
    if (depth > 0) this.#lastPressure_ms = now_ms;
  }

  served(prompt_tokens: number, completion_tokens: number, now_ms: number): void {
    this.#served.add(now_ms);
    this.#prompt_tokens += (prompt_tokens - this.#prompt_tokens) * TRAFFIC_WEIGHT;
    this.#completion_tokens += (completion_tokens - this.#completion_tokens) * TRAFFIC_WEIGHT;
  }

  loadPlanned(now_ms: number): void {
    this.#lastLoad_ms = now_ms;
  }

  /** Requests that wait. A report that nobody has renewed is forgotten. */
  queueDepth(now_ms: number): number {
    return now_ms - this.#queue.reportedAt_ms <= this.#settings.pressureHalfLife_ms ? this.#queue.depth : 0;
  }

  queueAge_ms(now_ms: number): number {
    return this.queueDepth(now_ms) === 0 ? 0 : Math.max(0, now_ms - this.#queue.oldestSince_ms);
  }

  spills_perSecond(now_ms: number): number {
    return this.#spills.rate_perSecond(now_ms);
  }

  served_perSecond(now_ms: number): number {
    return this.#served.rate_perSecond(now_ms);
  }

  /** E[S]: how long an ordinary request of this build keeps a place, in seconds, on a machine of these speeds. */
  service_s(prefill_tps: number, decode_tps: number): number {
    const estimate_s = this.#prompt_tokens / Math.max(prefill_tps, 1) + this.#completion_tokens / Math.max(decode_tps, 1);
    return Math.min(Math.max(estimate_s, WARM_LIMITS.service_s_min), WARM_LIMITS.service_s_max);
  }

  /** Why the build has too few copies, in words; empty is no pressure. An event counts in full for one half-life, hence the half. */
  pressure(now_ms: number, saturation: number): string[] {
    const words: string[] = [];
    let isAny = false;
    for (const [kind, threshold, what] of KINDS) {
      const count = this.#counts.get(kind)?.at(now_ms) ?? 0;
      if (count >= 0.5) isAny = true;
      if (count >= Number(this.#settings[threshold]) / 2) words.push(what);
    }
    const depth = this.queueDepth(now_ms);
    if (depth > 0 && this.queueAge_ms(now_ms) >= this.#settings.queueAge_ms_min) words.push(`${depth} requests are waiting`);
    if (isAny && saturation >= this.#settings.saturation_min && words.length === 0) words.push("most copies have no free place");
    return words;
  }

  /** Whether pressure has come since the last load was planned: one event asks for one more copy, not for one in every plan. */
  isPressureNew(): boolean {
    return this.#lastPressure_ms > this.#lastLoad_ms;
  }

  /** The higher of a new wish and an earlier one that has not had its time; a wish that is as high begins its time anew. */
  held_places(wanted_places: number, now_ms: number): number {
    if (wanted_places >= this.#held.places || now_ms >= this.#held.until_ms) {
      this.#held = { places: wanted_places, until_ms: now_ms + this.#settings.minDwell_ms };
    }
    return this.#held.places;
  }

  /** Whether nothing worth remembering is left. */
  isFaded(now_ms: number): boolean {
    const isHeld = this.#held.places > 0 && now_ms < this.#held.until_ms;
    const isHeard = [...this.#counts.values(), this.#served].some((count) => count.at(now_ms) >= 0.01);
    return !isHeld && !isHeard && this.queueDepth(now_ms) === 0;
  }
}
