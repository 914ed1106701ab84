import { drawAmong, drawForGroup } from "../affinity/placement.js";
import { type Choice, DecisionAudit, type RefusedMachine } from "../audit/decision-audit.js";
import { AUDIT_LIMITS } from "../audit/limits.js";
import { totalCost_ms } from "../cost/index.js";
import { measure } from "../cost/measure.js";
import { type CostProfile, costProfileOf } from "../cost/profile.js";
import { capacity } from "../gates/capacity.js";
import { PROFILE_OMISSIONS, type ProfileName } from "../gates/profiles.js";
import { ttftCeiling } from "../gates/ttft-ceiling.js";
import { type Candidate, isHolder } from "../pick.js";
import { drawnPlaces } from "../random.js";
import type { Decision, ProviderView, RefusalReason, RequestSpec, RoutingContext } from "../types.js";
import type { BuildIndex } from "./build-index.js";
import type { Cell } from "./cell.js";
import { workCode } from "./facts.js";
import { Frontier } from "./frontier.js";
import type { Drawer, Lane } from "./lane.js";
import { boundOf_ms, HARDLY, Length } from "./length.js";
import { Pool, type Tier } from "./pool.js";
import { fastestPrefill_tps } from "./rates.js";

/** Members of a group of equals that are looked at one by one; of a larger group, as many are drawn. */
const SAMPLE = 32;
/** Draws from a large group; if nobody drawn is near enough, those that are near are few, and are gone through in order instead. */
const DRAWS = 8;
/** Equals up to this number are all looked at, so that a decision can say how many there were. */
const FEW = 8;
const NOBODY: ReadonlySet<Cell> = new Set();

export interface Found {
  readonly candidate: Candidate;
  /** How many were equal to it, itself included; of a large group, its size. */
  readonly tied: number;
  readonly draw: number | undefined;
  readonly choice: Choice;
}

/** One look at the machines of a build for one request. */
export class Search {
  /** Least estimate of the machines that were looked at; NaN once one has none. */
  bestTtft_ms = Number.POSITIVE_INFINITY;
  /** How many machines were looked at one by one. */
  visits = 0;
  readonly #pool: Pool;
  /** Cells that were looked at and are not where they belong: they have more to do, or the fleet's rates of today would put them elsewhere. */
  readonly moved: Cell[] = [];
  /** The least that one of those has to do that lay among the less busy, and is near. */
  #leastBusier = Number.POSITIVE_INFINITY;
  /** Of the group that was drawn from last. */
  #work = Number.NEGATIVE_INFINITY;
  readonly #seen = new Map<Cell, Candidate | undefined>();
  readonly #refused: RefusedMachine[] = [];
  readonly #excluded: ReadonlySet<Cell>;
  readonly #length: Length;
  readonly #costProfile: CostProfile;

  /**
   * @param excluded cells that the request may not go to again
   * @param holder the cell of the machine that holds the prompt's beginning
   */
  constructor(
    index: BuildIndex,
    private readonly spec: RequestSpec,
    private readonly context: RoutingContext,
    private readonly profile: ProfileName,
    excluded: readonly Cell[],
    private readonly holder: Cell | undefined,
  ) {
    this.#costProfile = costProfileOf(context);
    this.#length = new Length(spec, this.#costProfile);
    this.#excluded = excluded.length === 0 ? NOBODY : new Set(excluded);
    this.#pool = new Pool(index.shelves, spec, profile, this.#length, this.#excluded);
  }

  /** Machines that no gate has refused so far. */
  get candidates(): number {
    return this.#pool.candidates;
  }

  /** Whether somebody who was passed over for lying among the less busy may be the least busy after all. */
  get isOutdated(): boolean {
    return this.#leastBusier < this.#work;
  }

  /** How many machines each gate has refused so far. */
  get refusals(): Decision["refusals"] {
    return this.#pool.refusals;
  }

  /** What was found, for the record. */
  audit(found: Found | undefined): DecisionAudit {
    const { spec, context, profile } = this;
    const candidates = () => [...this.#seen.values()].filter((candidate) => candidate !== undefined);
    return new DecisionAudit({ spec, context, profile, candidates, refused: this.#refused, choice: found?.choice ?? { kind: "none" } });
  }

  /** Preferences narrow the pool as long as somebody is left in it; then the cheapest, the near-ties, the least busy, the dice. */
  find(): Found | undefined {
    for (const tier of this.#pool.tiers) {
      const found = tier && this.#findIn(tier);
      if (found !== undefined) return found;
    }
    // Whoever was passed over without a look had no room.
    this.#pool.refuse("capacity", this.candidates);
    return undefined;
  }

  #findIn({ lanes, bounds_ms }: Tier): Found | undefined {
    const affine = this.#affineIn(lanes);
    const best_ms = this.#leastCost_ms(lanes, bounds_ms, affine?.total_ms ?? Number.POSITIVE_INFINITY);
    if (best_ms === Number.POSITIVE_INFINITY) {
      for (const lane of lanes) for (const drawer of lane.drawers.list) drawer.tighten();
      return undefined;
    }
    const limit_ms = best_ms + this.#costProfile.nearTie_ms;
    if (affine !== undefined && affine.total_ms <= limit_ms && isHolder(affine))
      return { candidate: affine, tied: 1, draw: undefined, choice: equals([affine]) };
    const near: Lane[] = [];
    for (let index = 0; index < lanes.length; index += 1) {
      const lane = lanes[index];
      if (lane !== undefined && (bounds_ms[index] ?? 0) <= limit_ms) near.push(lane);
    }
    return this.#leastBusy(near, limit_ms) ?? this.#cheapestSeen();
  }

  /**
   * Rates of the fleet move on while a machine's own place in the index stays until its next report: then what it costs can lie below what
   * its place says, and out of reach of the near-ties that are looked for by place. Whoever was found cheapest is found all the same.
   */
  #cheapestSeen(): Found | undefined {
    let cheapest: Candidate | undefined;
    for (const candidate of this.#seen.values()) {
      if (candidate !== undefined && candidate.total_ms < (cheapest?.total_ms ?? Number.POSITIVE_INFINITY)) cheapest = candidate;
    }
    return cheapest && { candidate: cheapest, tied: 1, draw: undefined, choice: equals([cheapest]) };
  }

  /** The holder of the caller's prefix; it costs less than its bound tells, so it is looked at first. */
  #affineIn(lanes: readonly Lane[]): Candidate | undefined {
    const { holder } = this;
    return holder?.drawer !== undefined && lanes.includes(holder.drawer.lane) ? this.#look(holder) : undefined;
  }

  #leastCost_ms(lanes: readonly Lane[], bounds_ms: readonly number[], known_ms: number): number {
    let best_ms = known_ms;
    const likeliest = leastOf(bounds_ms);
    const lane = (bounds_ms[likeliest] ?? 0) < best_ms ? lanes[likeliest] : undefined;
    const first = lane && firstOf(lane);
    if (first !== undefined) best_ms = Math.min(best_ms, this.#cost_ms(first));
    let frontier: Frontier | undefined;
    for (let index = 0; index < lanes.length; index += 1) {
      const lane = lanes[index];
      if (lane === undefined || (bounds_ms[index] ?? 0) >= best_ms) continue;
      const { drawers } = lane;
      for (
        let place = this.#nextWithin(lane, 0, best_ms);
        place < drawers.list.length;
        place = this.#nextWithin(lane, place + 1, best_ms)
      ) {
        const drawer = drawers.list[place];
        if (drawer === undefined) continue;
        frontier ??= new Frontier(this.#length, best_ms);
        frontier.add(drawer);
      }
    }
    // Bounds lie that much below what they bound: without it every one of a thousand equals would be looked at for being a hair cheaper.
    while (frontier !== undefined && frontier.bound_ms < best_ms * HARDLY) {
      const cell = frontier.next();
      // A cell says more of itself than its lane does, and saying it costs little beside a look at its machine.
      if (cell === undefined || this.#length.cellBound_ms(cell) >= best_ms * HARDLY) continue;
      best_ms = Math.min(best_ms, this.#cost_ms(cell));
      frontier.limit_ms = best_ms;
    }
    return best_ms;
  }

  #cost_ms(cell: Cell): number {
    return this.#look(cell)?.total_ms ?? Number.POSITIVE_INFINITY;
  }

  /** Goes through the lanes' drawers side by side, the least busy first, until somebody in them is within the limit. */
  #leastBusy(lanes: readonly Lane[], limit_ms: number): Found | undefined {
    const places: number[] = [];
    const codes: number[] = [];
    for (const lane of lanes) {
      const place = this.#nextWithin(lane, 0, limit_ms);
      places.push(place);
      codes.push(lane.drawers.codeAt(place));
    }
    for (;;) {
      const least = codes[leastOf(codes)] ?? Number.POSITIVE_INFINITY;
      this.#work = least;
      if (least === Number.POSITIVE_INFINITY) return undefined;
      const group: Drawer[] = [];
      for (let index = 0; index < lanes.length; index += 1) {
        const lane = lanes[index];
        const drawer = codes[index] === least ? lane?.drawers.list[places[index] ?? 0] : undefined;
        if (lane === undefined || drawer === undefined) continue;
        group.push(drawer);
        const place = this.#nextWithin(lane, (places[index] ?? 0) + 1, limit_ms);
        places[index] = place;
        codes[index] = lane.drawers.codeAt(place);
      }
      const found = this.#drawFrom(group, limit_ms);
      if (found !== undefined) return found;
    }
  }

  /** Place of the next drawer of a lane in which somebody may have room within the limit. */
  #nextWithin(lane: Lane, from: number, limit_ms: number): number {
    const { drawers } = lane;
    const beyond_ms = this.#length.beyond_ms(lane.code);
    for (let place = from; place < drawers.list.length; place += 1) {
      const isNear = boundOf_ms(drawers.leastAt_ms(place), beyond_ms) <= limit_ms;
      if (isNear && this.#length.fits(drawers.roomAt_tokens(place))) return place;
    }
    return drawers.list.length;
  }

  /** One of the equals whose cost is within the limit, each as likely as the other; undefined if there is none. */
  #drawFrom(group: readonly Drawer[], limit_ms: number): Found | undefined {
    let size = 0;
    for (const drawer of group) size += drawer.size;
    if (size > SAMPLE) {
      const fastest_tps = group.reduce((most, { lane }) => Math.max(most, fastestPrefill_tps(lane.code)), 0);
      const draw = drawForGroup(fastest_tps, this.spec, this.#costProfile, this.context.random);
      const tried: (ProviderView | undefined)[] = [];
      const drawn = this.#drawn(group, size, limit_ms, drawnPlaces(draw), tried);
      if (drawn !== undefined) return { candidate: drawn, tied: size, draw, choice: { kind: "drawn", tried, of: size } };
    }
    // Few, or hardly any within the limit: in the order of what they cost at least, until that is past the limit.
    const frontier = new Frontier(this.#length, limit_ms);
    for (const drawer of group) frontier.add(drawer);
    for (;;) {
      const cells = this.#nextNear(frontier, limit_ms);
      if (cells.length === 0) return undefined;
      const found = this.#drawLikely(cells, limit_ms) ?? this.#drawExactly(cells, limit_ms);
      if (found !== undefined) return found;
    }
  }

  /** The next cells that may have room within the limit, at most a sample. */
  #nextNear(frontier: Frontier, limit_ms: number): readonly Cell[] {
    const cells: Cell[] = [];
    while (frontier.bound_ms <= limit_ms && cells.length < SAMPLE) {
      const cell = frontier.next();
      if (cell !== undefined && this.#length.cellBound_ms(cell) <= limit_ms) cells.push(cell);
    }
    return cells;
  }

  /** Nearly all of them are what their bounds promise: of more than a few, they are drawn until one is, instead of looked at all. */
  #drawLikely(cells: readonly Cell[], limit_ms: number): Found | undefined {
    if (cells.length <= FEW || this.spec.affinity?.placement !== undefined) return undefined;
    const draw = this.context.random();
    const placeIn = drawnPlaces(draw);
    const tried: (ProviderView | undefined)[] = [];
    while (tried.length < DRAWS) {
      const cell = cells[placeIn(cells.length)];
      tried.push(cell?.view);
      const candidate = cell && this.#lookWithin(cell, limit_ms);
      if (candidate === undefined) continue;
      return { candidate, tied: cells.length, draw, choice: { kind: "drawn", tried, of: cells.length } };
    }
    return undefined;
  }

  #drawExactly(cells: readonly Cell[], limit_ms: number): Found | undefined {
    const near: Candidate[] = [];
    for (const cell of cells) {
      const candidate = this.#lookWithin(cell, limit_ms);
      if (candidate !== undefined) near.push(candidate);
    }
    const draw = drawAmong(near, this.spec, this.#costProfile, this.context.random);
    const candidate = near[Math.floor((draw ?? 0) * near.length)];
    return candidate && { candidate, tied: near.length, draw, choice: equals(near) };
  }

  #drawn(
    group: readonly Drawer[],
    size: number,
    limit_ms: number,
    placeIn: (size: number) => number,
    tried: (ProviderView | undefined)[],
  ): Candidate | undefined {
    for (let tries = 0; tries < DRAWS; tries += 1) {
      let place = placeIn(size);
      let at = 0;
      while (place >= (group[at]?.size ?? Number.POSITIVE_INFINITY)) {
        place -= group[at]?.size ?? 0;
        at += 1;
      }
      const drawer = group[at];
      const isNear = drawer !== undefined && boundOf_ms(drawer.costAt(place), this.#length.beyond_ms(drawer.lane.code)) <= limit_ms;
      const cell = isNear ? drawer.at(place) : undefined;
      tried.push(cell?.view);
      const candidate = cell && this.#lookWithin(cell, limit_ms);
      if (candidate !== undefined) return candidate;
    }
    return undefined;
  }

  #lookWithin(cell: Cell, limit_ms: number): Candidate | undefined {
    if (!this.#length.fits(cell.room_tokens) || this.#length.cellBound_ms(cell) > limit_ms) return undefined;
    const candidate = this.#look(cell);
    if (candidate === undefined || candidate.total_ms > limit_ms) return undefined;
    if (!cell.isUnderstated) return candidate;
    const { ahead, provider } = candidate.measured;
    const work = workCode(ahead, provider.pendingTotal);
    if (work === cell.drawer?.code) return candidate;
    this.#leastBusier = Math.min(this.#leastBusier, work);
    return undefined;
  }

  /** The gates that reckon with this machine and this request; and its exact cost. */
  #look(cell: Cell): Candidate | undefined {
    const known = this.#seen.get(cell);
    if (known !== undefined || this.#seen.has(cell)) return known;
    const candidate = this.#weigh(cell);
    this.#seen.set(cell, candidate);
    return candidate;
  }

  #weigh(cell: Cell): Candidate | undefined {
    const { spec, context } = this;
    const { view } = cell;
    if (this.#excluded.has(cell)) return undefined;
    this.visits += 1;
    if (capacity.refuses(view, spec, context)) {
      if (cell.isUnderstated) this.moved.push(cell);
      return this.#refuseSeen("capacity", view);
    }
    const measured = measure(view, spec, context);
    if (cell.isUnderstated || cell.hasMoved(measured.decode_tps * 1000)) this.moved.push(cell);
    this.bestTtft_ms = Math.min(this.bestTtft_ms, measured.ttft_ms ?? Number.NaN);
    const hasCeiling = spec.ttftCeiling_ms !== undefined && !PROFILE_OMISSIONS[this.profile].includes("ttft_ceiling");
    if (hasCeiling && ttftCeiling.refuses(view, spec, context)) return this.#refuseSeen("ttft_ceiling", view);
    return { measured, total_ms: totalCost_ms(measured, this.#costProfile, spec) };
  }

  #refuseSeen(reason: RefusalReason, view: ProviderView): undefined {
    if (this.#refused.length < AUDIT_LIMITS.refused_max) this.#refused.push({ view, reason });
    this.#pool.refuse(reason, 1);
  }
}

function equals(candidates: readonly Candidate[]): Choice {
  return { kind: "equals", among: () => candidates.map(({ measured }) => measured.provider) };
}

/** The cell of a lane that costs least, whether it has room or not. */
function firstOf({ drawers }: Lane): Cell | undefined {
  let least = 0;
  for (let place = 1; place < drawers.list.length; place += 1) if (drawers.leastAt_ms(place) < drawers.leastAt_ms(least)) least = place;
  return drawers.list[least]?.at(0);
}

/** Index of the least number; 0 for none. */
function leastOf(numbers: readonly number[]): number {
  let least = 0;
  for (let index = 1; index < numbers.length; index += 1) if ((numbers[index] ?? 0) < (numbers[least] ?? 0)) least = index;
  return least;
}
