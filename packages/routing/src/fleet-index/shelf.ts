import { windowDemand_tokens } from "../admission/demand.js";
import { PROFILE_OMISSIONS, type ProfileName } from "../gates/profiles.js";
import type { RefusalReason, RequestSpec } from "../types.js";
import type { Cell } from "./cell.js";
import { type CellHeap, DrawerHeap, LaneHeap } from "./cell-heap.js";
import { type BuildFacts, rankOf } from "./facts.js";

/** Rates are classed by powers of the square root of two: a bound from the class is at most that much too low. */
const CLASSES_PER_DOUBLING = 2;
const CLASS_OFFSET = 32;
const CLASSES = 128;
/** Machines with more requests than this are put together; nobody is that busy. */
const COUNT_MAX = 1_023;

/** Cells in order of the least they cost, and what a request's length adds to that in each. */
export interface Row {
  readonly cells: CellHeap;
  /** No cell decodes or reads faster. */
  readonly decode_tps_max: number;
  readonly prefill_tps_max: number;
  /** No cell's room is larger; it may be smaller than this once cells have left. */
  room_tokens: number;
}

/** The cells of a shelf that are alike in the rates that a request's length is divided by. */
export interface Lane extends Row {
  readonly code: number;
}

/** The cells of a lane that are equally busy. */
export interface Drawer extends Row {
  readonly group: Group;
  readonly lane: Lane;
}

/** The equally busy cells of a shelf, by lane. */
export interface Group {
  readonly code: number;
  readonly drawers: Map<Lane, Drawer>;
}

/** What decides which gates refuse a cell for a given request, up to those that reckon with its room; and how preferences treat it. */
export interface Standing
  extends Pick<BuildFacts, "refusal" | "tools" | "vision" | "restsBase" | "restsTools" | "contextLength_tokens" | "bearable"> {
  readonly resting: boolean;
  readonly version: string;
}

/** Cells that the same gates refuse for the same requests, and that preferences among machines treat alike. */
export class Shelf {
  /** How many cells there are. */
  size = 0;
  /** Both empty where a standing gate refuses: such cells are only counted. */
  readonly lanes = new Map<number, Lane>();
  /** The least busy first. */
  readonly groups: Group[] = [];

  constructor(
    readonly code: string,
    readonly standing: Standing,
  ) {}

  add(cell: Cell, facts: BuildFacts): void {
    this.size += 1;
    cell.shelf = this;
    cell.learn(facts);
    if (this.standing.refusal !== undefined) return;
    const lane = this.#laneFor(facts);
    const drawer = drawerFor(this.#groupFor(workCode(cell, facts)), lane);
    lane.cells.add(cell);
    drawer.cells.add(cell);
    cell.lane = lane;
    cell.drawer = drawer;
    widen(cell, lane, drawer);
  }

  /** Takes the cell's new facts in place, where they leave it in its drawer. @returns whether they do */
  keep(cell: Cell, facts: BuildFacts): boolean {
    const { lane, drawer } = cell;
    if (lane === undefined || drawer === undefined) return this.standing.refusal !== undefined;
    if (lane.code !== laneCode(facts) || drawer.group.code !== workCode(cell, facts)) return false;
    cell.learn(facts);
    lane.cells.moved(cell);
    drawer.cells.moved(cell);
    widen(cell, lane, drawer);
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
    if (lane.cells.size === 0) this.lanes.delete(lane.code);
    if (drawer.cells.size > 0) return;
    drawer.group.drawers.delete(lane);
    if (drawer.group.drawers.size === 0) this.groups.splice(this.groups.indexOf(drawer.group), 1);
  }

  #laneFor(facts: BuildFacts): Lane {
    const code = laneCode(facts);
    const known = this.lanes.get(code);
    if (known !== undefined) return known;
    const [decode, prefill] = [classOf(facts.decode_tps), classOf(facts.prefill_tps)];
    const lane = { code, cells: new LaneHeap(), decode_tps_max: fastestOf(decode), prefill_tps_max: fastestOf(prefill), room_tokens: 0 };
    this.lanes.set(code, lane);
    return lane;
  }

  #groupFor(code: number): Group {
    let low = 0;
    let high = this.groups.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.groups[middle]?.code ?? 0) < code) low = middle + 1;
      else high = middle;
    }
    const known = this.groups[low];
    if (known?.code === code) return known;
    const group: Group = { code, drawers: new Map() };
    this.groups.splice(low, 0, group);
    return group;
  }
}

/** After a search has met nobody with room: looks at all cells, so that the next search need not. */
export function tighten(row: Row): void {
  row.room_tokens = 0;
  for (let index = 0; index < row.cells.size; index += 1)
    row.room_tokens = Math.max(row.room_tokens, row.cells.at(index)?.room_tokens ?? 0);
}

/** The first gate, in their order, that refuses such cells; of the gates that look at the request, those that need no reckoning. */
export function refusalOf(standing: Standing, spec: RequestSpec, profile: ProfileName): RefusalReason | undefined {
  const { refusal, resting, tools, vision, restsBase, restsTools, contextLength_tokens } = standing;
  let first = refusal;
  const consider = (reason: RefusalReason, refuses: boolean): void => {
    if (refuses && (first === undefined || rankOf(reason) < rankOf(first))) first = reason;
  };
  consider("breaker_open", resting && !PROFILE_OMISSIONS[profile].includes("breaker_open"));
  consider("error_cooldown", (spec.needsTools ? restsTools : restsBase) && !PROFILE_OMISSIONS[profile].includes("error_cooldown"));
  consider("tools_unsupported", spec.needsTools && !tools);
  consider("vision_unsupported", spec.needsVision && !vision);
  consider("context_too_small", contextLength_tokens > 0 && windowDemand_tokens(spec) > contextLength_tokens);
  return first;
}

function drawerFor(group: Group, lane: Lane): Drawer {
  const known = group.drawers.get(lane);
  if (known !== undefined) return known;
  const { decode_tps_max, prefill_tps_max } = lane;
  const drawer: Drawer = { group, lane, cells: new DrawerHeap(), decode_tps_max, prefill_tps_max, room_tokens: 0 };
  group.drawers.set(lane, drawer);
  return drawer;
}

function widen({ room_tokens }: Cell, lane: Lane, drawer: Drawer): void {
  lane.room_tokens = Math.max(lane.room_tokens, room_tokens);
  drawer.room_tokens = Math.max(drawer.room_tokens, room_tokens);
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
