import { CellHeap } from "./cell-heap.js";
import { type Row, Rows } from "./rows.js";
import type { Shelf } from "./shelf.js";

/** The cells of a shelf that are alike in the rates that a request's length is divided by. */
export class Lane implements Row {
  size = 0;
  /** The least busy first. */
  readonly drawers = new Rows<Drawer>();

  /** @param code of the rates */
  constructor(
    readonly code: number,
    readonly shelf: Shelf,
  ) {}

  get least_ms(): number {
    return this.drawers.least_ms;
  }

  drawerFor(code: number): Drawer {
    const known = this.drawers.get(code);
    if (known !== undefined) return known;
    const drawer = new Drawer(code, this);
    this.drawers.add(drawer);
    return drawer;
  }
}

/** The cells of a lane that are equally busy, the cheapest first. */
export class Drawer extends CellHeap implements Row {
  /** @param code of how busy they are: the less, the smaller */
  constructor(
    readonly code: number,
    readonly lane: Lane,
  ) {
    super();
  }

  get least_ms(): number {
    return this.costAt(0);
  }

  /** Looks at all cells, to learn the most room that any has, which it gives. */
  tighten(): number {
    let room_tokens = 0;
    for (let index = 0; index < this.size; index += 1) room_tokens = Math.max(room_tokens, this.at(index)?.room_tokens ?? 0);
    const { lane } = this;
    lane.drawers.learn(this, room_tokens);
    lane.shelf.lanes.learn(lane, lane.drawers.room_tokens);
    return room_tokens;
  }
}
