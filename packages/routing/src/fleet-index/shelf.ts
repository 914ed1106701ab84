import type { ProviderView } from "../types.js";
import type { Cell } from "./cell.js";
import type { BuildFacts, MachineFacts, OfferFacts } from "./facts.js";
import { type Drawer, Lane } from "./lane.js";
import { rateCode } from "./rates.js";
import { Rows } from "./rows.js";

/** A bound may be as much too low; a small part of the window in which machines count as equally cheap. */
export const FLUTTER_ms = 200;

/** What decides which gates refuse a cell for a given request, up to those that reckon with its room; and how preferences treat it. */
export interface Standing extends Pick<BuildFacts, "refusal" | "restsBase" | "restsTools" | "bearable"> {
  /** One object for all equal ones of a build, so that it is compared at a glance. */
  readonly offer: OfferFacts;
  readonly resting: boolean;
  readonly version: string;
}

/** Cells that the same gates refuse for the same requests, and that preferences among machines treat alike. */
export class Shelf {
  /** How many cells there are. */
  size = 0;
  /** Empty where a standing gate refuses: such cells are only counted. */
  readonly lanes = new Rows<Lane>();

  constructor(readonly standing: Standing) {}

  /** Whether a cell of which this holds belongs here. */
  isFor({ version }: ProviderView, { resting }: MachineFacts, offer: OfferFacts, facts: BuildFacts): boolean {
    const { standing } = this;
    return (
      standing.offer === offer &&
      standing.refusal === facts.refusal &&
      standing.bearable === facts.bearable &&
      standing.resting === resting &&
      standing.restsBase === facts.restsBase &&
      standing.restsTools === facts.restsTools &&
      standing.version === version
    );
  }

  add(cell: Cell, facts: BuildFacts): void {
    this.size += 1;
    cell.shelf = this;
    cell.learn(facts);
    if (this.standing.refusal !== undefined) return;
    const drawer = this.#laneFor(rateCode(facts)).drawerFor(facts.work);
    drawer.add(cell, facts.typical_ms);
    drawer.lane.size += 1;
    cell.drawer = drawer;
    this.#changed(drawer, cell.room_tokens);
  }

  /** Whether the cell may stay where it lies, as one that costs less and has less to do; it is marked where it costs or has clearly more. */
  bounds(cell: Cell, facts: BuildFacts): boolean {
    const { drawer } = cell;
    if (drawer === undefined || facts.work < drawer.code || facts.room_tokens > cell.room_tokens) return false;
    const dearer_ms = dearerBy_ms(cell, facts);
    if (dearer_ms < 0) return false;
    cell.isLow = facts.work > drawer.code || dearer_ms > FLUTTER_ms || facts.room_tokens < cell.room_tokens;
    return true;
  }

  /** Takes the cell's new facts in place, where they leave it in its drawer. @returns whether they do */
  keep(cell: Cell, facts: BuildFacts): boolean {
    const { drawer } = cell;
    if (drawer === undefined) return this.standing.refusal !== undefined;
    if (drawer.code !== facts.work || drawer.lane.code !== rateCode(facts)) return false;
    if (isAsGood(cell, facts)) {
      cell.isLow = false;
      return true;
    }
    cell.learn(facts);
    drawer.move(cell, facts.typical_ms);
    this.#changed(drawer, cell.room_tokens);
    return true;
  }

  remove(cell: Cell): void {
    this.size -= 1;
    const { drawer } = cell;
    cell.shelf = undefined;
    cell.drawer = undefined;
    if (drawer === undefined) return;
    drawer.remove(cell);
    drawer.lane.size -= 1;
    this.#changed(drawer, 0);
  }

  #changed(drawer: Drawer, room_tokens: number): void {
    const { lane } = drawer;
    if (lane.drawers.changed(drawer, room_tokens)) this.lanes.changed(lane, room_tokens);
  }

  #laneFor(code: number): Lane {
    const known = this.lanes.get(code);
    if (known !== undefined) return known;
    const lane = new Lane(code, this);
    this.lanes.add(lane);
    return lane;
  }
}

/**
 * By how much a request costs more than where the cell lies says, whatever its length; below zero where some may cost less. What others of its
 * kind write has no place of its own: as between two reports, it moves a cell only where it has moved itself.
 */
function dearerBy_ms(cell: Cell, facts: BuildFacts): number {
  const { decode_milli_tps, typical_ms, typicalDecode_ms } = facts;
  if (cell.prefill_milli_tps !== facts.prefill_milli_tps) return CHEAPER_ms;
  if (cell.decode_milli_tps === decode_milli_tps) return typical_ms - cell.typical_ms;
  if (!facts.isUnmeasured || cell.hasMoved(decode_milli_tps)) return CHEAPER_ms;
  return typical_ms - typicalDecode_ms - (cell.typical_ms - (typicalDecode_ms * decode_milli_tps) / cell.decode_milli_tps);
}

const CHEAPER_ms = -1;

/** Whether what is kept of a cell still bounds it closely enough: a machine's load flutters, and every flutter need not be sorted in. */
function isAsGood(cell: Cell, facts: BuildFacts): boolean {
  const dearer_ms = facts.typical_ms - cell.typical_ms;
  return (
    dearer_ms >= 0 &&
    dearer_ms <= FLUTTER_ms &&
    cell.decode_milli_tps === facts.decode_milli_tps &&
    cell.prefill_milli_tps === facts.prefill_milli_tps &&
    cell.room_tokens === facts.room_tokens
  );
}
