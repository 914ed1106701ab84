/** What is computed at one instant. */
export interface DecodeReport {
  readonly at_ms: number;
  /** Ids of requests under way. */
  readonly open: readonly string[];
  readonly samples: readonly DecodeSample[];
}

/** Of one model: the tokens that its running answers have come to. */
export interface DecodeSample {
  readonly model: string;
  /** Answers that run. */
  readonly running: number;
  /** Prompts and answers of these together, in tokens. */
  readonly active_tokens: number;
}

/** Of what answers do undisturbed, fetching may take so much. Source: catalog.md §19. */
export const SLOWDOWN_share = 0.2;
/** Reports in a row that must say so: one alone may be chance. */
const SLOW_REPORTS = 3;
/** The first wait; each further one while answers run is twice as long. */
export const BRAKE_ms = { first: 60_000, most: 600_000 } as const;
/** Weight of the newest observation. */
const WEIGHT = 0.3;
/** Combinations of model and number of answers of which a rate is kept. */
const KEPT_RATES_max = 256;

/**
 * Notices that answers are written more slowly while something is fetched, because both want the disk or the processor, and says for how long fetching
 * should wait: until nothing is answered any more, or for a while. Pure: time and figures are given to it, about every second.
 */
export class FetchBrake {
  /** Tokens a second of one answer while nothing was fetched, by model and number of answers at once. */
  readonly #undisturbed = new Map<string, number>();
  #before: DecodeReport | undefined;
  #slowReports = 0;
  #wait_ms: number = BRAKE_ms.first;
  #until_ms: number | undefined;

  /** @returns whether fetching should wait now */
  observe(report: DecodeReport, isFetching: boolean): boolean {
    const { at_ms, samples } = report;
    const before = this.#before;
    this.#before = report;
    const isIdle = samples.every(({ running }) => running === 0);
    if (isIdle) this.#release();
    else if (this.#until_ms !== undefined && at_ms >= this.#until_ms) this.#until_ms = undefined;
    const rates = before === undefined ? [] : ratesOf(report, before);
    const isSlow = rates.some(([key, tps]) => tps < (this.#undisturbed.get(key) ?? 0) * (1 - SLOWDOWN_share));
    if (isFetching && this.#until_ms === undefined) {
      if (rates.length > 0) this.#slowReports = isSlow ? this.#slowReports + 1 : 0;
      if (this.#slowReports >= SLOW_REPORTS) this.#brake(at_ms);
    } else if (!isFetching) {
      for (const [key, tps] of rates) this.#learn(key, tps);
    }
    return this.#until_ms !== undefined;
  }

  #brake(at_ms: number): void {
    this.#until_ms = at_ms + this.#wait_ms;
    this.#wait_ms = Math.min(this.#wait_ms * 2, BRAKE_ms.most);
    this.#slowReports = 0;
  }

  #release(): void {
    this.#until_ms = undefined;
    this.#wait_ms = BRAKE_ms.first;
    this.#slowReports = 0;
  }

  #learn(key: string, tps: number): void {
    const known = this.#undisturbed.get(key);
    if (known === undefined && this.#undisturbed.size >= KEPT_RATES_max) this.#undisturbed.clear();
    this.#undisturbed.set(key, known === undefined ? tps : known + WEIGHT * (tps - known));
  }
}

/** Of one answer, by model and number of answers: where the same requests have gone on since the report before. */
function ratesOf({ at_ms, open, samples }: DecodeReport, before: DecodeReport): readonly (readonly [string, number])[] {
  const passed_ms = at_ms - before.at_ms;
  if (passed_ms <= 0 || [...open].sort().join() !== [...before.open].sort().join()) return [];
  return samples.flatMap(({ model, running, active_tokens }): (readonly [string, number])[] => {
    const earlier = before.samples.find((sample) => sample.model === model);
    const tokens = active_tokens - (earlier?.active_tokens ?? active_tokens);
    // Where nothing is written a prompt is being read.
    if (running === 0 || earlier?.running !== running || tokens <= 0) return [];
    return [[`${model} ${running}`, (tokens * 1000) / passed_ms / running]];
  });
}
