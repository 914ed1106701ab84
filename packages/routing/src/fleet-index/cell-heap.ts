import type { Cell } from "./cell.js";

/**
 * A binary min-heap of cells by the least they cost. Cells know their places, so that any of them can be moved or taken out in O(log n). Its
 * order is readable: any index below `size` is some cell, which is how samples are drawn, and the children of `i` lie at `2i+1` and `2i+2`.
 */
export abstract class CellHeap {
  readonly #cells: Cell[] = [];

  get size(): number {
    return this.#cells.length;
  }

  /** @param index 0 is the least */
  at(index: number): Cell | undefined {
    return this.#cells[index];
  }

  add(cell: Cell): void {
    this.#cells.push(cell);
    this.#rise(cell, this.#cells.length - 1);
  }

  remove(cell: Cell): void {
    const index = this.positionOf(cell);
    const last = this.#cells.pop();
    if (last !== undefined && last !== cell) this.#sink(last, this.#rise(last, index));
    this.setPosition(cell, -1);
  }

  /** After the cell's cost has changed. */
  moved(cell: Cell): void {
    this.#sink(cell, this.#rise(cell, this.positionOf(cell)));
  }

  protected abstract positionOf(cell: Cell): number;
  protected abstract setPosition(cell: Cell, index: number): void;

  #rise(cell: Cell, from: number): number {
    let index = from;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = this.#cells[above];
      if (parent === undefined || parent.cost_ms <= cell.cost_ms) break;
      this.#place(parent, index);
      index = above;
    }
    this.#place(cell, index);
    return index;
  }

  #sink(cell: Cell, from: number): void {
    let index = from;
    for (;;) {
      const left = this.#cells[2 * index + 1];
      const right = this.#cells[2 * index + 2];
      if (left === undefined) break;
      const isRight = right !== undefined && right.cost_ms < left.cost_ms;
      const least = isRight ? right : left;
      if (cell.cost_ms <= least.cost_ms) break;
      this.#place(least, index);
      index = 2 * index + (isRight ? 2 : 1);
    }
    this.#place(cell, index);
  }

  #place(cell: Cell, index: number): void {
    this.#cells[index] = cell;
    this.setPosition(cell, index);
  }
}

export class LaneHeap extends CellHeap {
  protected override positionOf(cell: Cell): number {
    return cell.lanePosition;
  }
  protected override setPosition(cell: Cell, index: number): void {
    cell.lanePosition = index;
  }
}

export class DrawerHeap extends CellHeap {
  protected override positionOf(cell: Cell): number {
    return cell.drawerPosition;
  }
  protected override setPosition(cell: Cell, index: number): void {
    cell.drawerPosition = index;
  }
}
