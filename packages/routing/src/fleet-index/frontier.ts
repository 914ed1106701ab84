import type { Cell } from "./cell.js";
import { CHILDREN } from "./cell-heap.js";
import type { Drawer } from "./lane.js";
import { boundOf_ms, type Length } from "./length.js";

/** After as many cells of a drawer without room, all of it is looked at, so that it is passed over if nobody in it has any. */
const ROOMLESS_MAX = 32;

/**
 * Goes through the cells of some drawers by the least that each can cost, without sorting them: behind every cell only its children in its
 * drawer's heap come up. A bound is never above a cell's cost, except for what a request gets off for its own prefix. Cells that have no room
 * are passed over.
 */
export class Frontier {
  /** Prospects, a binary min-heap by bound: cells that were not looked at yet, and what lies below them. One column for each thing known of them. */
  readonly #bounds_ms: number[] = [];
  /** Among the drawers below. */
  readonly #whose: number[] = [];
  /** In the drawer's heap. */
  readonly #places: number[] = [];
  readonly #drawers: Drawer[] = [];
  /** By drawer: what the request costs more, at least, than one of typical length. */
  readonly #beyond_ms: number[] = [];
  /** How many were met in each drawer, once there was one. */
  #roomless: Map<Drawer, number> | undefined = undefined;

  /** @param limit_ms whoever costs more is of no interest; may be lowered as better is found */
  constructor(
    private readonly length: Length,
    public limit_ms: number,
  ) {}

  /** The least that any cell left can cost, in milliseconds; infinite when none is left. */
  get bound_ms(): number {
    return this.#bounds_ms[0] ?? Number.POSITIVE_INFINITY;
  }

  add(drawer: Drawer): void {
    const beyond_ms = this.length.beyond_ms(drawer.lane.code);
    this.#drawers.push(drawer);
    this.#beyond_ms.push(beyond_ms);
    this.#meet(drawer, this.#drawers.length - 1, beyond_ms, 0);
  }

  /** The cell with the least bound; undefined where it has no room, or is of no interest itself, or none is left. */
  next(): Cell | undefined {
    const whose = this.#whose[0] ?? 0;
    const index = this.#places[0] ?? 0;
    const drawer = this.#drawers[whose];
    if (drawer === undefined || this.#bounds_ms.length === 0) return undefined;
    this.#dropFirst();
    const cell = this.#closeBound_ms(drawer, index) <= this.limit_ms ? drawer.at(index) : undefined;
    const isRoomy = cell !== undefined && this.length.fits(cell.room_tokens);
    if (cell !== undefined && !isRoomy && this.#isExhausted(drawer)) return undefined;
    const beyond_ms = this.#beyond_ms[whose] ?? 0;
    const firstChild = CHILDREN * index + 1;
    const end = Math.min(firstChild + CHILDREN, drawer.size);
    for (let child = firstChild; child < end; child += 1) this.#meet(drawer, whose, beyond_ms, child);
    return isRoomy ? cell : undefined;
  }

  /** Its cost and rates lie in plain numbers beside others': to read the cell itself takes longer than all the rest. */
  #closeBound_ms(drawer: Drawer, index: number): number {
    return boundOf_ms(drawer.costAt(index), this.length.closelyBeyond_ms(drawer.ratesAt(index)));
  }

  /** Counts one more cell without room; says whether the drawer has no other. */
  #isExhausted(drawer: Drawer): boolean {
    this.#roomless ??= new Map();
    const roomless = (this.#roomless.get(drawer) ?? 0) + 1;
    this.#roomless.set(drawer, roomless);
    return roomless % ROOMLESS_MAX === 0 && !this.length.fits(drawer.tighten());
  }

  /** A cell below which others lie comes up by what those can cost at least; one at the end, as most are, by what it costs itself, or not at all. */
  #meet(drawer: Drawer, whose: number, beyond_ms: number, index: number): void {
    const least_ms = boundOf_ms(drawer.costAt(index), beyond_ms);
    if (least_ms > this.limit_ms) return;
    const isLast = CHILDREN * index + 1 >= drawer.size;
    const bound_ms = isLast ? this.#closeBound_ms(drawer, index) : least_ms;
    if (bound_ms <= this.limit_ms) this.#push(bound_ms, whose, index);
  }

  #push(bound_ms: number, whose: number, place: number): void {
    let index = this.#bounds_ms.length;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const above_ms = this.#bounds_ms[above] ?? 0;
      if (above_ms <= bound_ms) break;
      this.#put(index, above_ms, this.#whose[above] ?? 0, this.#places[above] ?? 0);
      index = above;
    }
    this.#put(index, bound_ms, whose, place);
  }

  #dropFirst(): void {
    const bound_ms = this.#bounds_ms.pop() ?? 0;
    const whose = this.#whose.pop() ?? 0;
    const place = this.#places.pop() ?? 0;
    const size = this.#bounds_ms.length;
    if (size === 0) return;
    let index = 0;
    for (;;) {
      let least = 2 * index + 1;
      if (least >= size) break;
      if (least + 1 < size && (this.#bounds_ms[least + 1] ?? 0) < (this.#bounds_ms[least] ?? 0)) least += 1;
      const least_ms = this.#bounds_ms[least] ?? 0;
      if (bound_ms <= least_ms) break;
      this.#put(index, least_ms, this.#whose[least] ?? 0, this.#places[least] ?? 0);
      index = least;
    }
    this.#put(index, bound_ms, whose, place);
  }

  #put(index: number, bound_ms: number, whose: number, place: number): void {
    this.#bounds_ms[index] = bound_ms;
    this.#whose[index] = whose;
    this.#places[index] = place;
  }
}
