import type { Cell } from "./cell.js";
import { closeRateCode } from "./rates.js";

/** Never added to. */
const NO_CELLS: Cell[] = [];
const NO_NUMBERS: number[] = [];

const SMALL = 32;
/** Children of a place in the heap: their costs lie in one line of the processor's cache, and eight make a flat heap. */
export const CHILDREN = 8;

/**
 * A min-heap of cells by what they cost. A cell is in one heap at most and knows its place in it, so that it can be moved or taken out in
 * O(log n): each level costs two lines of memory and a cell that has to be told its new place, so there are few levels. The order is
 * readable: any index below `size` is some cell, which is how samples are drawn, and the children of `i` lie at `8i+1` to `8i+8`.
 */
export class CellHeap {
  /** The cell of a heap of one, which has no lists: where machines differ, most heaps are that. */
  #only: Cell | undefined = undefined;
  #only_ms = 0;
  #cells = NO_CELLS;
  /** Of each cell, in an array of plain numbers: whoever compares, or passes over a cell for its cost, reads no cell. */
  #costs_ms = NO_NUMBERS;
  /** Beside them, what is needed to tell what a request of any length costs there at least. */
  #rates = NO_NUMBERS;

  get size(): number {
    return this.#only === undefined ? this.#cells.length : 1;
  }

  /** @param index 0 is the least */
  at(index: number): Cell | undefined {
    if (this.#only === undefined) return this.#cells[index];
    return index === 0 ? this.#only : undefined;
  }

  /** What the cell at an index costs; infinite where there is none. */
  costAt(index: number): number {
    if (this.#only === undefined) return this.#costs_ms[index] ?? Number.POSITIVE_INFINITY;
    return index === 0 ? this.#only_ms : Number.POSITIVE_INFINITY;
  }

  /** The close rates of the cell at an index, by their code. */
  ratesAt(index: number): number {
    if (this.#only === undefined) return this.#rates[index] ?? 0;
    return closeRateCode(this.#only);
  }

  add(cell: Cell, cost_ms: number): void {
    if (this.size === 0) {
      this.#only = cell;
      this.#only_ms = cost_ms;
      this.#cells = NO_CELLS;
      this.#costs_ms = this.#rates = NO_NUMBERS;
      cell.place = 0;
      return;
    }
    if (this.#only !== undefined) {
      this.#cells = [this.#only];
      this.#costs_ms = [this.#only_ms];
      this.#rates = [closeRateCode(this.#only)];
      this.#only = undefined;
    }
    // Joined, a list holds no more than it needs. Most heaps are small, and what V8 sets aside for a list that is pushed to, or spread, is not.
    if (this.#cells.length < SMALL) {
      this.#cells = this.#cells.concat(cell);
      this.#costs_ms = this.#costs_ms.concat(cost_ms);
      this.#rates = this.#rates.concat(0);
    } else {
      this.#cells.push(cell);
      this.#costs_ms.push(cost_ms);
      this.#rates.push(0);
    }
    this.#rise(cell, cost_ms, closeRateCode(cell), this.#cells.length - 1);
  }

  remove(cell: Cell): void {
    const index = cell.place;
    cell.place = -1;
    if (this.#only !== undefined) {
      this.#only = undefined;
      return;
    }
    const last = this.#cells.pop();
    const cost_ms = this.#costs_ms.pop() ?? 0;
    const rates = this.#rates.pop() ?? 0;
    if (last !== undefined && last !== cell) this.#settle(last, cost_ms, rates, index);
  }

  /** Gives the cell another cost. */
  move(cell: Cell, cost_ms: number): void {
    if (this.#only === undefined) this.#settle(cell, cost_ms, closeRateCode(cell), cell.place);
    else this.#only_ms = cost_ms;
  }

  #settle(cell: Cell, cost_ms: number, rates: number, index: number): void {
    const isRising = index > 0 && this.costAt(parentOf(index)) > cost_ms;
    if (isRising) this.#rise(cell, cost_ms, rates, index);
    else this.#sink(cell, cost_ms, rates, index);
  }

  #rise(cell: Cell, cost_ms: number, rates: number, from: number): void {
    let index = from;
    while (index > 0) {
      const above = parentOf(index);
      const aboveCost_ms = this.costAt(above);
      const parent = this.#cells[above];
      if (parent === undefined || aboveCost_ms <= cost_ms) break;
      this.#place(parent, aboveCost_ms, this.#rates[above] ?? 0, index);
      index = above;
    }
    this.#place(cell, cost_ms, rates, index);
  }

  #sink(cell: Cell, cost_ms: number, rates: number, from: number): void {
    const costs_ms = this.#costs_ms;
    let index = from;
    for (;;) {
      const first = CHILDREN * index + 1;
      const end = Math.min(first + CHILDREN, costs_ms.length);
      let least = index;
      let least_ms = cost_ms;
      for (let child = first; child < end; child += 1) {
        const child_ms = costs_ms[child] ?? 0;
        if (child_ms >= least_ms) continue;
        least = child;
        least_ms = child_ms;
      }
      const child = this.#cells[least];
      if (least === index || child === undefined) break;
      this.#place(child, least_ms, this.#rates[least] ?? 0, index);
      index = least;
    }
    this.#place(cell, cost_ms, rates, index);
  }

  #place(cell: Cell, cost_ms: number, rates: number, index: number): void {
    this.#cells[index] = cell;
    this.#costs_ms[index] = cost_ms;
    this.#rates[index] = rates;
    cell.place = index;
  }
}

function parentOf(index: number): number {
  return Math.floor((index - 1) / CHILDREN);
}
