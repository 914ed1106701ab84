import type { ProviderView } from "../types.js";
import type { BuildIndex } from "./build-index.js";
import type { BuildFacts } from "./facts.js";
import type { Drawer } from "./lane.js";
import type { Shelf } from "./shelf.js";
import type { Alarmed } from "./timers.js";

const MOVED_SHARE = 0.05;

/** One machine in the index, with a cell for each of its builds. */
export interface Machine extends Alarmed {
  view: ProviderView;
  cells: readonly Cell[];
  /** When all its cells were sorted in last, it had so much to do in all, and so much strained it. */
  pendingTotal: number;
  unread_tokens: number;
  strain_ms: number;
  /** By how much it has more by now. */
  excess: "none" | "slight" | "clear";
  /** Cells that were sorted in since then, while it had more; undefined is none. */
  apart: Cell[] | undefined;
  /** Counts its reports: which cell is looked at again with the next one, though the report says nothing of its build. */
  reports: number;
}

/** One build of one machine in the index. */
export class Cell {
  /** Where it lies in its index, and in its drawer. */
  position = -1;
  place = -1;
  shelf: Shelf | undefined = undefined;
  /** Absent while a standing gate refuses every request. */
  drawer: Drawer | undefined = undefined;

  /** When it was looked at last, it cost more, or had more to do, than where it lies says. */
  isLow = false;

  /** Small integers (`small`). */
  decode_milli_tps = 0;
  prefill_milli_tps = 0;
  room_tokens = 0;

  constructor(
    readonly machine: Machine,
    readonly index: BuildIndex,
  ) {}

  get view(): ProviderView {
    return this.machine.view;
  }

  /** It costs more, or has more to do, than where it lies says: it is put in its place by whoever comes upon it. */
  get isUnderstated(): boolean {
    const { excess, apart } = this.machine;
    return this.isLow || (excess === "clear" && apart?.includes(this) !== true);
  }

  /** The least that a request of typical length costs here, in milliseconds; infinite while every request is refused. */
  get typical_ms(): number {
    return this.drawer?.costAt(this.place) ?? Number.POSITIVE_INFINITY;
  }

  /** Every place is taken, and nothing else keeps requests out that is asked before. */
  get isFull(): boolean {
    return this.shelf?.standing.refusal === "concurrency";
  }

  /** Whether a rate is another than the cell's by more than rounding, and by more than a lane is wide matters. */
  hasMoved(decode_milli_tps: number): boolean {
    return Math.abs(this.decode_milli_tps - decode_milli_tps) > MOVED_SHARE * this.decode_milli_tps;
  }

  learn(facts: BuildFacts): void {
    setApart(this, this.machine.excess !== "none");
    this.isLow = false;
    this.decode_milli_tps = facts.decode_milli_tps;
    this.prefill_milli_tps = facts.prefill_milli_tps;
    this.room_tokens = facts.room_tokens;
  }
}

/** No method of the cell's own: a private one would take a place in every cell. */
function setApart(cell: Cell, isApart: boolean): void {
  const { machine } = cell;
  const place = machine.apart?.indexOf(cell) ?? -1;
  if (isApart && place < 0) machine.apart = [...(machine.apart ?? []), cell];
  if (!isApart && place >= 0) machine.apart = machine.apart?.toSpliced(place, 1);
}
