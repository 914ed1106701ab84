import type { FleetRates } from "../types.js";
import { DrainRate } from "./drain-rate.js";
import { Ring } from "./ring.js";

export const OBSERVED_RATES_LIMITS = {
  /** Decode rates remembered of each build on each compute class, if nothing else is said (routing.md §19). */
  decodeRates_max: 50,
  /** First contents remembered of each build and length of prompt, and how many there must be for a quantile. */
  firstContents_max: 100,
  firstContents_min: 20,
  /** Loads of a build that must have been seen before their mean counts (routing.md §5). */
  loads_min: 3,
  /** Builds, and pairs of build and compute class, remembered; the one heard of least recently is forgotten first. */
  entries_max: 10_000,
} as const;

/** What the latest load adds to the mean (routing.md §13.3). */
const LOAD_WEIGHT = 0.25;

/** Upper ends of the classes into which prompts are sorted by length, in tokens (routing.md §18). */
const PROMPT_CLASSES_tokens = [1_000, 4_000, 8_000, 16_000, Number.POSITIVE_INFINITY] as const;
const PROMPT_CLASS_NAMES: readonly string[] = PROMPT_CLASSES_tokens.map((_, index) => String(index));

/** Rates observed across the fleet, from what machines report and from how requests on them went. */
export interface ObservedRates extends FleetRates {
  /** A machine reports a new measurement of one stream. */
  decoded(build: string, computeClass: string, rate_tps: number): void;
  /** A load of the build took so long. */
  loaded(build: string, load_ms: number): void;
  /** An attempt showed its first content so long after it was sent. */
  firstContent(build: string, promptTokens: number, wait_ms: number): void;
  /** A place of the build was taken, or given back. */
  placed(build: string, now_ms: number): void;
  freed(build: string, now_ms: number): void;
  /** The wait that nine of ten attempts do not exceed, for prompts of about this length; 0 is unknown. */
  firstContentP90_ms(build: string, promptTokens: number): number;
  /** Places of the build that become free each second; 0 is unknown. */
  drain_perSecond(build: string, now_ms: number): number;
}

/** @param limits what differs from `OBSERVED_RATES_LIMITS` */
export function createObservedRates(limits: { readonly decodeRates_max?: number } = {}): ObservedRates {
  const { decodeRates_max, firstContents_max, firstContents_min, loads_min } = { ...OBSERVED_RATES_LIMITS, ...limits };
  const decodeRates = new Remembered(() => new Ring(decodeRates_max));
  const loads = new Remembered(() => ({ count: 0, mean_ms: 0 }));
  const firstContents = new Remembered(() => new Ring(firstContents_max));
  const drains = new Remembered(() => new DrainRate());
  const pair = createPairs();

  return {
    decoded(build, computeClass, rate_tps) {
      if (rate_tps > 0) decodeRates.of(pair(build, computeClass)).add(rate_tps);
    },
    loaded(build, load_ms) {
      if (!(load_ms > 0)) return;
      const load = loads.of(build);
      load.mean_ms = load.count === 0 ? load_ms : load.mean_ms + LOAD_WEIGHT * (load_ms - load.mean_ms);
      load.count += 1;
    },
    firstContent(build, promptTokens, wait_ms) {
      if (wait_ms >= 0) firstContents.of(pair(build, promptClass(promptTokens))).add(wait_ms);
    },
    placed: (build, now_ms) => drains.of(build).placed(now_ms),
    freed: (build, now_ms) => drains.known(build)?.freed(now_ms),
    decode_tps: (build, computeClass) => decodeRates.known(pair(build, computeClass))?.quantile(0.5) ?? 0,
    load_ms(build) {
      const load = loads.known(build);
      return load !== undefined && load.count >= loads_min ? load.mean_ms : 0;
    },
    firstContentP90_ms(build, promptTokens) {
      const ring = firstContents.known(pair(build, promptClass(promptTokens)));
      return ring !== undefined && ring.size >= firstContents_min ? ring.quantile(0.9) : 0;
    },
    drain_perSecond: (build, now_ms) => drains.known(build)?.perSecond(now_ms) ?? 0,
  };
}

/** Values by key, made when first asked for; of too many, the one asked for least recently is forgotten. */
class Remembered<Value> {
  readonly #values = new Map<string, Value>();

  constructor(private readonly create: () => Value) {}

  known(key: string): Value | undefined {
    return this.#values.get(key);
  }

  of(key: string): Value {
    const value = this.#values.get(key) ?? this.create();
    this.#values.delete(key);
    this.#values.set(key, value);
    if (this.#values.size > OBSERVED_RATES_LIMITS.entries_max) {
      const [oldest] = this.#values.keys();
      if (oldest !== undefined) this.#values.delete(oldest);
    }
    return value;
  }
}

function promptClass(promptTokens: number): string {
  return PROMPT_CLASS_NAMES[PROMPT_CLASSES_tokens.findIndex((end) => promptTokens < end)] ?? "";
}

/** Keys for a build and something else. Each is made once: to put strings together and to hash them takes longer than all that is asked by them. */
function createPairs(): (build: string, other: string) => string {
  const known = new Map<string, Map<string, string>>();
  let size = 0;
  // A search asks of one build again and again.
  let lately: { readonly build: string; readonly keys: ReadonlyMap<string, string> } | undefined;
  return (build, other) => {
    if (lately?.build !== build) lately = { build, keys: known.get(build) ?? NO_KEYS };
    const key = lately.keys.get(other);
    if (key !== undefined) return key;
    if (size === OBSERVED_RATES_LIMITS.entries_max) {
      known.clear();
      size = 0;
    }
    const made = `${build}\0${other}`;
    const keys = known.get(build) ?? new Map<string, string>();
    known.set(build, keys.set(other, made));
    lately = { build, keys };
    size += 1;
    return made;
  };
}

const NO_KEYS: ReadonlyMap<string, string> = new Map();
