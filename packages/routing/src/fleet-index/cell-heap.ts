import type { Cell } from "./cell.js";

const SMALL = 16;

/**
 * A binary min-heap of cells by the least they cost. A cell is in one heap at most and knows its place in it, so that it can be moved or taken
 * out in O(log n). The order is readable: any index below `size` is some cell, which is how samples are drawn, and the children of `i` lie at
 * `2i+1` and `2i+2`.
 */
export class CellHeap {
  #cells: Cell[] = [];
  /** Of each cell, in an array of plain numbers: whoever compares, or passes over a cell for its cost, reads no cell. */
  #costs_ms: number[] = [];

  get size(): number {
    return this.#cells.length;
  }

  /** @param index 0 is the least */
  at(index: number): Cell | undefined {
    return this.#cells[index];
  }

  /** The least that the cell at an index costs; infinite where there is none. */
  costAt(index: number): number {
    return this.#costs_ms[index] ?? Number.POSITIVE_INFINITY;
  }

  add(cell: Cell, cost_ms: number): void {
    // A list that grows by one holds no more than it needs; most heaps are small, and what V8 sets aside for a list that is pushed to is not.
    if (this.#cells.length < SMALL) {
      this.#cells = [...this.#cells, cell];
      this.#costs_ms = [...this.#costs_ms, cost_ms];
    } else {
      this.#cells.push(cell);
      this.#costs_ms.push(cost_ms);
    }
    this.#rise(cell, cost_ms, this.#cells.length - 1);
  }

  remove(cell: Cell): void {
    const index = cell.place;
    const last = this.#cells.pop();
    const cost_ms = this.#costs_ms.pop() ?? 0;
    if (last !== undefined && last !== cell) this.#sink(last, cost_ms, this.#rise(last, cost_ms, index));
    cell.place = -1;
  }

  /** Gives the cell another cost. */
  move(cell: Cell, cost_ms: number): void {
    this.#sink(cell, cost_ms, this.#rise(cell, cost_ms, cell.place));
  }

  #rise(cell: Cell, cost_ms: number, from: number): number {
    let index = from;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const aboveCost_ms = this.costAt(above);
      const parent = this.#cells[above];
      if (parent === undefined || aboveCost_ms <= cost_ms) break;
      this.#place(parent, aboveCost_ms, index);
      index = above;
    }
    this.#place(cell, cost_ms, index);
    return index;
  }

  #sink(cell: Cell, cost_ms: number, from: number): void {
    let index = from;
    for (;;) {
      const left = 2 * index + 1;
      if (left >= this.#cells.length) break;
      const least = left + 1 < this.#cells.length && this.costAt(left + 1) < this.costAt(left) ? left + 1 : left;
      const leastCost_ms = this.costAt(least);
      const child = this.#cells[least];
      if (child === undefined || cost_ms <= leastCost_ms) break;
      this.#place(child, leastCost_ms, index);
      index = least;
    }
    this.#place(cell, cost_ms, index);
  }

  #place(cell: Cell, cost_ms: number, index: number): void {
    this.#cells[index] = cell;
    this.#costs_ms[index] = cost_ms;
    cell.place = index;
  }
}
