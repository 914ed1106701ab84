import type { Work } from "./work.js";

/**
 * Streams that are written together: each at the same rate, which falls as the batch grows. Instead of following every token, the batch has a
 * clock of its own that counts the tokens a stream has been given since the beginning; a stream ends when the clock reaches its end.
 */
export class Batch {
  readonly #streams: Work[] = [];
  #clock = 0;
  #seen_ms = 0;

  /**
   * @param solo_tps rate of one stream, extrapolated to an empty batch
   * @param slope slow-down by each stream: rate = solo / (1 + slope × streams)
   */
  constructor(
    private readonly solo_tps: number,
    private readonly slope: number,
  ) {}

  get size(): number {
    return this.#streams.length;
  }

  /** Rate of each stream, with so many more. */
  rate_tps(more = 0): number {
    return this.solo_tps / (1 + this.slope * (this.#streams.length + more));
  }

  /** @param speed of the stream's build over the machine's rate */
  join(work: Work, speed: number, now_ms: number): void {
    this.#advance(now_ms);
    work.decodeStart = this.#clock;
    work.decodeEnd = this.#clock + work.outputTokens / speed;
    this.#streams.push(work);
  }

  /** @returns how many tokens it was given, on the batch's clock */
  leave(work: Work, now_ms: number): number {
    this.#advance(now_ms);
    const index = this.#streams.indexOf(work);
    if (index < 0) return 0;
    this.#streams.splice(index, 1);
    return Math.min(this.#clock, work.decodeEnd) - work.decodeStart;
  }

  /** A stream that has ended by now, taken out; undefined if none has. */
  takeEnded(now_ms: number): Work | undefined {
    this.#advance(now_ms);
    const first = this.#first();
    if (first === undefined || first.decodeEnd > this.#clock + TOLERANCE) return undefined;
    this.#streams.splice(this.#streams.indexOf(first), 1);
    return first;
  }

  /** When the next stream ends if none joins or leaves; infinite if there is none. */
  nextEnd_ms(): number {
    const first = this.#first();
    if (first === undefined) return Number.POSITIVE_INFINITY;
    return this.#seen_ms + (Math.max(0, first.decodeEnd - this.#clock) * 1000) / this.rate_tps();
  }

  clear(): void {
    this.#streams.length = 0;
  }

  #first(): Work | undefined {
    let first: Work | undefined;
    for (const stream of this.#streams) if (first === undefined || stream.decodeEnd < first.decodeEnd) first = stream;
    return first;
  }

  #advance(now_ms: number): void {
    if (this.#streams.length > 0) this.#clock += ((now_ms - this.#seen_ms) * this.rate_tps()) / 1000;
    this.#seen_ms = now_ms;
  }
}

/** Of a token: less than any rate makes in a tick of the clock. */
const TOLERANCE = 1e-6;
