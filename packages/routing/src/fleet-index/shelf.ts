import { windowDemand_tokens } from "../admission/demand.js";
import { PROFILE_OMISSIONS, type ProfileName } from "../gates/profiles.js";
import type { ProviderView, RefusalReason, RequestSpec } from "../types.js";
import { type Cell, small } from "./cell.js";
import { DrawerHeap, LaneHeap } from "./cell-heap.js";
import { type BuildFacts, type MachineFacts, rankOf } from "./facts.js";
import { type Row, Rows } from "./rows.js";

/** Rates are classed by powers of the square root of two: a bound from the class is at most that much too low. */
const CLASSES_PER_DOUBLING = 2;
const CLASS_OFFSET = 32;
const CLASSES = 128;
/** Machines with more requests than this are put together; nobody is that busy. */
const COUNT_MAX = 1_023;

/** The cells of a shelf that are alike in the rates that a request's length is divided by. */
export interface Lane extends Row {
  readonly shelf: Shelf;
  /** The least busy first. */
  readonly drawers: Rows<Drawer>;
}

/** The cells of a lane that are equally busy. */
export type Drawer = Row;

/** A bound may be as much too low; a small part of the window in which machines count as equally cheap. */
const FLUTTER_ms = 200;

/** What decides which gates refuse a cell for a given request, up to those that reckon with its room; and how preferences treat it. */
export interface Standing
  extends Pick<
    BuildFacts,
    "refusal" | "tools" | "vision" | "structured" | "restsBase" | "restsTools" | "contextLength_tokens" | "bearable"
  > {
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
  isFor({ version }: ProviderView, { resting }: MachineFacts, facts: BuildFacts): boolean {
    const { standing } = this;
    return (
      standing.refusal === facts.refusal &&
      standing.bearable === facts.bearable &&
      standing.resting === resting &&
      standing.tools === facts.tools &&
      standing.vision === facts.vision &&
      standing.structured === facts.structured &&
      standing.restsBase === facts.restsBase &&
      standing.restsTools === facts.restsTools &&
      standing.contextLength_tokens === facts.contextLength_tokens &&
      standing.version === version
    );
  }

  add(cell: Cell, facts: BuildFacts): void {
    this.size += 1;
    cell.shelf = this;
    cell.learn(facts);
    if (this.standing.refusal !== undefined) return;
    const lane = this.#laneFor(facts);
    const drawer = drawerFor(lane, workCode(cell, facts));
    lane.cells.add(cell, facts.cost_ms);
    drawer.cells.add(cell, facts.cost_ms);
    cell.lane = lane;
    cell.drawer = drawer;
    this.#changed(lane, drawer, cell.room_tokens);
  }

  /** Takes the cell's new facts in place, where they leave it in its drawer. @returns whether they do */
  keep(cell: Cell, facts: BuildFacts): boolean {
    const { lane, drawer } = cell;
    if (lane === undefined || drawer === undefined) return this.standing.refusal !== undefined;
    if (lane.code !== laneCode(facts) || drawer.code !== workCode(cell, facts)) return false;
    if (isAsGood(cell, facts)) return true;
    cell.learn(facts);
    lane.cells.move(cell, facts.cost_ms);
    drawer.cells.move(cell, facts.cost_ms);
    this.#changed(lane, drawer, cell.room_tokens);
    return true;
  }

  remove(cell: Cell): void {
    this.size -= 1;
    const { lane, drawer } = cell;
    cell.shelf = undefined;
    cell.lane = undefined;
    cell.drawer = undefined;
    if (lane === undefined || drawer === undefined) return;
    lane.cells.remove(cell);
    drawer.cells.remove(cell);
    this.#changed(lane, drawer, 0);
  }

  #changed(lane: Lane, drawer: Drawer, room_tokens: number): void {
    lane.drawers.changed(drawer, room_tokens);
    this.lanes.changed(lane, room_tokens);
  }

  #laneFor(facts: BuildFacts): Lane {
    const code = laneCode(facts);
    const known = this.lanes.get(code);
    if (known !== undefined) return known;
    const lane: Lane = {
      code,
      shelf: this,
      drawers: new Rows(),
      cells: new LaneHeap(),
      decode_tps_max: fastestOf(classOf(facts.decode_tps)),
      prefill_tps_max: fastestOf(classOf(facts.prefill_tps)),
    };
    this.lanes.add(lane);
    return lane;
  }
}

const LOOKS_AT_RESTS: Readonly<Record<ProfileName, boolean>> = {
  select: looksAtRests("select"),
  select_failopen: looksAtRests("select_failopen"),
  preview: looksAtRests("preview"),
};

function looksAtRests(profile: ProfileName): boolean {
  return !PROFILE_OMISSIONS[profile].includes("breaker_open") && !PROFILE_OMISSIONS[profile].includes("error_cooldown");
}

/** The first gate, in their order, that refuses such cells; of the gates that look at the request, those that need no reckoning. */
export function refusalOf(standing: Standing, spec: RequestSpec, profile: ProfileName): RefusalReason | undefined {
  const { refusal, resting, tools, vision, structured, restsBase, restsTools, contextLength_tokens } = standing;
  let first = refusal;
  if (LOOKS_AT_RESTS[profile]) {
    if ((spec.needsTools ? restsTools : restsBase) && isBefore("error_cooldown", first)) first = "error_cooldown";
    if (resting && isBefore("breaker_open", first)) first = "breaker_open";
  }
  if (spec.needsTools && !tools && isBefore("tools_unsupported", first)) first = "tools_unsupported";
  if (spec.needsVision && !vision && isBefore("vision_unsupported", first)) first = "vision_unsupported";
  if (spec.needsStructured === true && !structured && isBefore("structured_unsupported", first)) first = "structured_unsupported";
  const isTooSmall = contextLength_tokens > 0 && windowDemand_tokens(spec) > contextLength_tokens;
  if (isTooSmall && isBefore("context_too_small", first)) first = "context_too_small";
  return first;
}

/** Whether what is kept of a cell still bounds it closely enough: a machine's load flutters, and every flutter need not be sorted in. */
function isAsGood(cell: Cell, facts: BuildFacts): boolean {
  const dearer_ms = facts.cost_ms - cell.cost_ms;
  return (
    dearer_ms >= 0 &&
    dearer_ms <= FLUTTER_ms &&
    cell.decode_milli_tps === small(facts.decode_tps * 1000) &&
    cell.prefill_milli_tps === small(facts.prefill_tps * 1000) &&
    cell.room_tokens === small(facts.room_tokens)
  );
}

function isBefore(reason: RefusalReason, first: RefusalReason | undefined): boolean {
  return first === undefined || rankOf(reason) < rankOf(first);
}

function drawerFor({ drawers, decode_tps_max, prefill_tps_max }: Lane, code: number): Drawer {
  const known = drawers.get(code);
  if (known !== undefined) return known;
  const drawer: Drawer = { code, cells: new DrawerHeap(), decode_tps_max, prefill_tps_max };
  drawers.add(drawer);
  return drawer;
}

function laneCode({ decode_tps, prefill_tps }: BuildFacts): number {
  return classOf(decode_tps) * CLASSES + classOf(prefill_tps);
}

/** Orders as near-ties are ordered: by the requests ahead for the build, then by those on the machine in all. */
function workCode({ view }: Cell, { ahead }: BuildFacts): number {
  return Math.min(ahead, COUNT_MAX) * (COUNT_MAX + 1) + Math.min(view.pendingTotal, COUNT_MAX);
}

function classOf(rate_tps: number): number {
  return Math.min(Math.max(Math.ceil(CLASSES_PER_DOUBLING * Math.log2(rate_tps)) + CLASS_OFFSET, 0), CLASSES - 1);
}

/** The highest class has no end. */
function fastestOf(rateClass: number): number {
  return rateClass === CLASSES - 1 ? Number.POSITIVE_INFINITY : 2 ** ((rateClass - CLASS_OFFSET) / CLASSES_PER_DOUBLING);
}
