import type { ProviderView } from "../types.js";
import type { BuildIndex } from "./build-index.js";
import type { BuildFacts, OfferFacts } from "./facts.js";
import type { Drawer } from "./lane.js";
import type { Shelf } from "./shelf.js";

/** One machine in the index, with a cell for each of its builds. */
export interface Machine {
  view: ProviderView;
  readonly cells: Cell[];
}

/** One build of one machine in the index. */
export class Cell {
  /** Where it lies in its index, and in its drawer. */
  position = -1;
  place = -1;
  shelf: Shelf | undefined = undefined;
  /** Absent until it is asked for, and when the catalogue has changed. */
  offer: OfferFacts | undefined = undefined;
  /** Absent while a standing gate refuses every request. */
  drawer: Drawer | undefined = undefined;

  /** Small integers, rounded up, since a number of any other kind takes three times the memory. The largest stands for any more. */
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

  /** The least that any request costs here, in milliseconds; infinite while every request is refused. */
  get cost_ms(): number {
    return this.drawer?.costAt(this.place) ?? Number.POSITIVE_INFINITY;
  }

  learn(facts: BuildFacts): void {
    this.decode_milli_tps = small(facts.decode_tps * 1000);
    this.prefill_milli_tps = small(facts.prefill_tps * 1000);
    this.room_tokens = small(facts.room_tokens);
  }
}

/** What V8 keeps as a small integer wherever it runs. */
export const SMALL_MAX = 2 ** 30 - 1;

/** At least as much as the number, if not too much: the largest stands for all that is larger. */
export function small(number: number): number {
  return Math.min(Math.ceil(number), SMALL_MAX);
}
