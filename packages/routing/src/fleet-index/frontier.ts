import type { Cell } from "./cell.js";
import { CHILDREN } from "./cell-heap.js";
import type { Drawer } from "./lane.js";
import { boundOf_ms, type Length } from "./length.js";

/** A cell that was not looked at yet, and the least it can cost. */
interface Prospect {
  readonly bound_ms: number;
  readonly drawer: Drawer;
  /** What the request costs more, at least, than one of typical length. */
  readonly beyond_ms: number;
  /** In the drawer's heap, below which its children lie. */
  readonly index: number;
}

/** After as many cells of a drawer without room, all of it is looked at, so that it is passed over if nobody in it has any. */
const ROOMLESS_MAX = 32;

/**
 * Goes through the cells of some drawers by the least that each can cost, without sorting them: behind every cell only its children in its
 * drawer's heap come up. A bound is never above a cell's cost, except for what a request gets off for its own prefix. Cells that have no room
 * are passed over.
 */
export class Frontier {
  /** A binary min-heap by bound. */
  readonly #prospects: Prospect[] = [];
  /** How many were met in each drawer, once there was one. */
  #roomless: Map<Drawer, number> | undefined = undefined;

  /** @param limit_ms whoever costs more is of no interest; may be lowered as better is found */
  constructor(
    private readonly length: Length,
    public limit_ms: number,
  ) {}

  /** The least that any cell left can cost, in milliseconds; infinite when none is left. */
  get bound_ms(): number {
    return this.#prospects[0]?.bound_ms ?? Number.POSITIVE_INFINITY;
  }

  add(drawer: Drawer): void {
    this.#push(drawer, this.length.beyond_ms(drawer.lane.code), 0);
  }

  /** The cell with the least bound; undefined where it has no room, or is of no interest itself, or none is left. */
  next(): Cell | undefined {
    const first = this.#prospects[0];
    if (first === undefined) return undefined;
    const { drawer, beyond_ms, index } = first;
    this.#dropFirst();
    // Its cost and rates lie in plain numbers beside others': to read the cell itself takes longer than all the rest.
    const isNear = boundOf_ms(drawer.costAt(index), this.length.closelyBeyond_ms(drawer.ratesAt(index))) <= this.limit_ms;
    const cell = isNear ? drawer.at(index) : undefined;
    const isRoomy = cell !== undefined && this.length.fits(cell.room_tokens);
    if (isNear && !isRoomy && this.#isExhausted(drawer)) return undefined;
    const firstChild = CHILDREN * index + 1;
    for (let child = firstChild; child < firstChild + CHILDREN; child += 1) this.#push(drawer, beyond_ms, child);
    return isRoomy ? cell : undefined;
  }

  /** Counts one more cell without room; says whether the drawer has no other. */
  #isExhausted(drawer: Drawer): boolean {
    this.#roomless ??= new Map();
    const roomless = (this.#roomless.get(drawer) ?? 0) + 1;
    this.#roomless.set(drawer, roomless);
    return roomless % ROOMLESS_MAX === 0 && !this.length.fits(drawer.tighten());
  }

  #push(drawer: Drawer, beyond_ms: number, at: number): void {
    const bound_ms = boundOf_ms(drawer.costAt(at), beyond_ms);
    if (at >= drawer.size || bound_ms > this.limit_ms) return;
    const prospect = { bound_ms, drawer, beyond_ms, index: at };
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
