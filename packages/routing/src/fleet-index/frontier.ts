import type { Cell } from "./cell.js";
import type { Length } from "./length.js";
import type { Row } from "./rows.js";

/** A cell that was not looked at yet, and the least it can cost. */
interface Prospect<R extends Row> {
  readonly bound_ms: number;
  readonly row: R;
  /** In the row's heap, below which its children lie. */
  readonly index: number;
}

/** After as many cells of a row without room, all of the row is looked at, so that it is passed over if nobody in it has any. */
const ROOMLESS_MAX = 32;

/**
 * Goes through the cells of some rows by the least that each can cost, without sorting them: behind every cell only its two children in its
 * row's heap come up. A bound is never above a cell's cost, except for what a request gets off for its own prefix. Cells that have no room
 * are passed over.
 */
export class Frontier<R extends Row> {
  /** A binary min-heap by bound. */
  readonly #prospects: Prospect<R>[] = [];
  readonly #roomless = new Map<R, number>();

  /** @param tighten looks at all cells of a row, to learn the most room that any has */
  constructor(
    private readonly length: Length,
    private readonly tighten: (row: R) => number,
  ) {}

  /** The least that any cell left can cost, in milliseconds; infinite when none is left. */
  get bound_ms(): number {
    return this.#prospects[0]?.bound_ms ?? Number.POSITIVE_INFINITY;
  }

  add(row: R): void {
    this.#push(row, 0);
  }

  /** The cell with the least bound; undefined where it has no room, or none is left. */
  next(): Cell | undefined {
    const first = this.#prospects[0];
    if (first === undefined) return undefined;
    const { row, index } = first;
    this.#dropFirst();
    const cell = row.cells.at(index);
    const isRoomy = cell !== undefined && this.length.fits(cell.room_tokens);
    if (!isRoomy && this.#isExhausted(row)) return undefined;
    this.#push(row, 2 * index + 1);
    this.#push(row, 2 * index + 2);
    return isRoomy ? cell : undefined;
  }

  /** Counts one more cell without room; says whether the row has no other. */
  #isExhausted(row: R): boolean {
    const roomless = (this.#roomless.get(row) ?? 0) + 1;
    this.#roomless.set(row, roomless);
    return roomless >= ROOMLESS_MAX && roomless % ROOMLESS_MAX === 0 && !this.length.fits(this.tighten(row));
  }

  #push(row: R, at: number): void {
    if (at >= row.cells.size) return;
    const prospect = { bound_ms: this.length.boundIn_ms(row, row.cells.costAt(at)), row, index: at };
    let index = this.#prospects.length;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = this.#prospects[above];
      if (parent === undefined || parent.bound_ms <= prospect.bound_ms) break;
      this.#prospects[index] = parent;
      index = above;
    }
    this.#prospects[index] = prospect;
  }

  #dropFirst(): void {
    const last = this.#prospects.pop();
    if (last === undefined || this.#prospects.length === 0) return;
    let index = 0;
    for (;;) {
      const left = this.#prospects[2 * index + 1];
      const right = this.#prospects[2 * index + 2];
      if (left === undefined) break;
      const isRight = right !== undefined && right.bound_ms < left.bound_ms;
      const least = isRight ? right : left;
      if (last.bound_ms <= least.bound_ms) break;
      this.#prospects[index] = least;
      index = 2 * index + (isRight ? 2 : 1);
    }
    this.#prospects[index] = last;
  }
}
