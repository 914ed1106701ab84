/**
 * Percentiles of a stream of positive numbers in constant memory: buckets grow by 1 %, so that a percentile is off by less than that.
 */
export class Histogram {
  readonly #counts = new Uint32Array(BUCKETS);
  #count = 0;
  #sum = 0;

  get count(): number {
    return this.#count;
  }

  get mean(): number {
    return this.#count === 0 ? 0 : this.#sum / this.#count;
  }

  add(value: number): void {
    const bucket = value <= LEAST ? 0 : Math.min(BUCKETS - 1, 1 + Math.floor(Math.log(value / LEAST) / LOG_GROWTH));
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#count += 1;
    this.#sum += value;
  }

  /** @param share 0.5 is the median. @returns 0 of nothing */
  percentile(share: number): number {
    const rank = Math.max(1, Math.ceil(share * this.#count));
    let seen = 0;
    for (const [bucket, count] of this.#counts.entries()) {
      seen += count;
      if (seen >= rank) return bucket === 0 ? LEAST : LEAST * Math.exp((bucket - 0.5) * LOG_GROWTH);
    }
    return 0;
  }

  clear(): void {
    this.#counts.fill(0);
    this.#count = 0;
    this.#sum = 0;
  }
}

const LEAST = 0.1;
const LOG_GROWTH = Math.log(1.01);
/** Up to 0.1 × 1.01^2400, some 2 × 10⁹. */
const BUCKETS = 2_400;
