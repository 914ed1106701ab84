import type { Cell } from "./cell.js";
import { OrderedHeap } from "./ordered-heap.js";

/** Rates are classed by powers of the square root of two: a bound from the class is at most that much too low. */
const CLASSES_PER_DOUBLING = 2;
const CLASS_OFFSET = 32;
const CLASSES = 128;
/** Machines with more requests than this are put together; nobody is that busy. */
const COUNT_MAX = 1_023;

/** Cells that are alike in the rates that a request's length is divided by, and in how busy they are, in order of what they cost at least. */
export class Drawer {
  readonly cells = new OrderedHeap<Cell>();
  /** No cell's room is larger; it may be smaller than this once cells have left. */
  room_tokens = 0;

  constructor(
    readonly code: number,
    readonly ahead: number,
    readonly pendingTotal: number,
    /** No cell decodes or reads faster. */
    readonly decode_tps_max: number,
    readonly prefill_tps_max: number,
  ) {}

  add(cell: Cell): void {
    this.cells.add(cell);
    this.room_tokens = Math.max(this.room_tokens, cell.room_tokens);
  }

  /** After a search has met no cell with room: looks at all of them, so that the next search need not. */
  tighten(): void {
    let room_tokens = 0;
    for (let index = 0; index < this.cells.size; index += 1) room_tokens = Math.max(room_tokens, this.cells.at(index)?.room_tokens ?? 0);
    this.room_tokens = room_tokens;
  }
}

/** Names the drawer that a cell belongs in, within its shelf. */
export function drawerCode(cell: Cell): number {
  const [ahead, pendingTotal] = [Math.min(cell.ahead, COUNT_MAX), Math.min(cell.view.pendingTotal, COUNT_MAX)];
  return ((classOf(cell.decode_tps) * CLASSES + classOf(cell.prefill_tps)) * (COUNT_MAX + 1) + ahead) * (COUNT_MAX + 1) + pendingTotal;
}

export function createDrawer(cell: Cell): Drawer {
  const [decode, prefill] = [classOf(cell.decode_tps), classOf(cell.prefill_tps)];
  return new Drawer(drawerCode(cell), cell.ahead, cell.view.pendingTotal, fastestOf(decode), fastestOf(prefill));
}

function classOf(rate_tps: number): number {
  return Math.min(Math.max(Math.ceil(CLASSES_PER_DOUBLING * Math.log2(rate_tps)) + CLASS_OFFSET, 0), CLASSES - 1);
}

/** The highest class has no end. */
function fastestOf(rateClass: number): number {
  return rateClass === CLASSES - 1 ? Number.POSITIVE_INFINITY : 2 ** ((rateClass - CLASS_OFFSET) / CLASSES_PER_DOUBLING);
}
