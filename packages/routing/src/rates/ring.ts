/** The last so many figures, kept in order too: a quantile costs nothing, a new figure one insertion. */
export class Ring {
  readonly #latest: number[] = [];
  readonly #sorted: number[] = [];
  #oldest = 0;

  /** @param capacity figures remembered; the oldest makes room for the next */
  constructor(private readonly capacity: number) {}

  get size(): number {
    return this.#sorted.length;
  }

  add(value: number): void {
    if (this.#sorted.length === this.capacity) {
      const gone = this.#latest[this.#oldest] ?? 0;
      this.#sorted.splice(this.#rankOf(gone), 1);
    }
    this.#latest[this.#oldest] = value;
    this.#oldest = (this.#oldest + 1) % this.capacity;
    this.#sorted.splice(this.#rankOf(value), 0, value);
  }

  /** The figure that the given fraction of all do not exceed (nearest rank); 0 for none. */
  quantile(fraction: number): number {
    const rank = Math.max(1, Math.ceil(fraction * this.#sorted.length));
    return this.#sorted[rank - 1] ?? 0;
  }

  /** Where the value is, or would be. */
  #rankOf(value: number): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#sorted[middle] ?? 0) < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
