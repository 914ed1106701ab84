import type { ProviderView, RequestSpec, RoutingContext } from "../types.js";
import { type Cell, cellOf, leastSpec } from "./cell.js";
import { type HeapEntry, OrderedHeap } from "./ordered-heap.js";
import { Shelf, shelfCode } from "./shelf.js";

/** A cell and where it was put. */
export interface Placed {
  readonly cell: Cell;
  readonly shelf: Shelf;
  /** When it has to be looked at again; absent for never. */
  readonly timer: Timer | undefined;
}

interface Timer extends HeapEntry {
  readonly view: ProviderView;
}

/** The machines that advertise one build, sorted by what any request for it would meet. */
export class BuildIndex {
  readonly shelves = new Map<string, Shelf>();
  readonly #placed = new Map<string, Placed>();
  readonly #timers = new OrderedHeap<Timer>();
  #least: RequestSpec;

  constructor(build: string) {
    this.#least = leastSpec(build, "");
  }

  get size(): number {
    return this.#placed.size;
  }

  placed(providerId: string): Placed | undefined {
    return this.#placed.get(providerId);
  }

  *views(): Iterable<ProviderView> {
    for (const { cell } of this.#placed.values()) yield cell.view;
  }

  set(view: ProviderView, context: RoutingContext): void {
    this.remove(view.id);
    const cell = cellOf(view, this.#least, context);
    const code = shelfCode(cell);
    let shelf = this.shelves.get(code);
    if (shelf === undefined) {
      shelf = new Shelf(code, cell);
      this.shelves.set(code, shelf);
    }
    shelf.add(cell);
    const timer = cell.until_ms === Number.POSITIVE_INFINITY ? undefined : { key: cell.until_ms, position: -1, view };
    if (timer !== undefined) this.#timers.add(timer);
    this.#placed.set(view.id, { cell, shelf, timer });
  }

  remove(providerId: string): void {
    const placed = this.#placed.get(providerId);
    if (placed === undefined) return;
    this.#placed.delete(providerId);
    const { cell, shelf, timer } = placed;
    shelf.remove(cell);
    if (shelf.size === 0) this.shelves.delete(shelf.code);
    if (timer !== undefined) this.#timers.remove(timer);
  }

  /**
   * Brings the index up to a request's instant and to the weights that the catalogue names, which a request brings.
   *
   * The first is O(log n) for each machine whose cooldown, breaker or challenge has run out since; the second O(n), and happens when a
   * catalogue changes.
   */
  refresh(spec: RequestSpec, context: RoutingContext): void {
    if (spec.weightHash !== this.#least.weightHash) {
      this.#least = leastSpec(spec.build, spec.weightHash);
      for (const view of [...this.views()]) this.set(view, context);
    }
    for (let timer = this.#timers.at(0); timer !== undefined && timer.key <= context.now_ms; timer = this.#timers.at(0)) {
      this.set(timer.view, context);
    }
  }
}
