import { outputDemand_tokens, promptDemand_tokens } from "../admission/demand.js";
import type { RequestSpec } from "../types.js";
import type { Cell } from "./cell.js";
import type { Drawer } from "./drawer.js";
import { type HeapEntry, OrderedHeap } from "./ordered-heap.js";

/** A cell that was not looked at yet, and the least it can cost. */
interface Prospect extends HeapEntry {
  readonly drawer: Drawer;
  /** In the drawer's heap, below which its children lie. */
  readonly index: number;
}

/**
 * Goes through the cells of some drawers by the least that each can cost, without sorting them: behind every cell only its two children
 * in its drawer's heap come up. A bound is never above a cell's cost, except for what a request gets off for its own prefix.
 */
export class Frontier {
  readonly #prospects = new OrderedHeap<Prospect>();

  constructor(
    drawers: Iterable<Drawer>,
    private readonly spec: RequestSpec,
  ) {
    for (const drawer of drawers) this.#push(drawer, 0);
  }

  /** The least that any cell left can cost, in milliseconds; infinite when none is left. */
  get bound_ms(): number {
    return this.#prospects.at(0)?.key ?? Number.POSITIVE_INFINITY;
  }

  next(): Cell | undefined {
    const prospect = this.#prospects.at(0);
    if (prospect === undefined) return undefined;
    this.#prospects.remove(prospect);
    const { drawer, index } = prospect;
    this.#push(drawer, 2 * index + 1);
    this.#push(drawer, 2 * index + 2);
    return drawer.cells.at(index);
  }

  #push(drawer: Drawer, index: number): void {
    const cell = drawer.cells.at(index);
    if (cell !== undefined) this.#prospects.add({ key: cell.key + lengthCost_ms(drawer, this.spec), position: -1, drawer, index });
  }
}

/** The least that a request's length adds in a drawer; a cell's own cost has one token of output in it. */
export function lengthCost_ms(drawer: Drawer, spec: RequestSpec): number {
  const reading_ms = (promptDemand_tokens(spec) * 1000) / drawer.prefill_tps_max;
  return reading_ms + ((outputDemand_tokens(spec) - 1) * 1000) / drawer.decode_tps_max;
}
