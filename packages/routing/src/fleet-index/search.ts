import { requestDemand_tokens } from "../admission/demand.js";
import { drawAmong, drawForGroup } from "../affinity/placement.js";
import { type Choice, DecisionAudit, type RefusedMachine } from "../audit/decision-audit.js";
import { AUDIT_LIMITS } from "../audit/limits.js";
import { totalCost_ms } from "../cost/index.js";
import { measure } from "../cost/measure.js";
import { costProfileOf } from "../cost/profile.js";
import { capacity } from "../gates/capacity.js";
import { PROFILE_OMISSIONS, type ProfileName } from "../gates/profiles.js";
import { ttftCeiling } from "../gates/ttft-ceiling.js";
import { type Candidate, isHolder } from "../pick.js";
import { drawnPlaces } from "../random.js";
import type { ProviderView, RefusalReason, RequestSpec, RoutingContext } from "../types.js";
import type { BuildIndex } from "./build-index.js";
import type { Cell } from "./cell.js";
import { cellBound_ms, Frontier, rowBound_ms } from "./frontier.js";
import { type Drawer, type Group, type Lane, type Row, refusalOf, type Shelf, tighten } from "./shelf.js";

/** Members of a group of equals that are looked at one by one; of a larger group, as many are drawn. */
const SAMPLE = 32;

export interface Found {
  readonly candidate: Candidate;
  /** How many were equal to it, itself included; of a large group, its size. */
  readonly tied: number;
  readonly draw: number | undefined;
  readonly choice: Choice;
}

/** One look at the machines of a build for one request. */
export class Search {
  readonly refusals: Partial<Record<RefusalReason, number>> = {};
  /** Machines that no gate has refused so far. */
  candidates = 0;
  /** Least estimate of the machines that were looked at; NaN once one has none. */
  bestTtft_ms = Number.POSITIVE_INFINITY;
  /** How many machines were looked at one by one. */
  visits = 0;
  readonly #shelves: OpenShelf[] = [];
  readonly #seen = new Map<Cell, Candidate | undefined>();
  readonly #refused: RefusedMachine[] = [];
  readonly #excluded: ReadonlySet<Cell>;
  readonly #demand_tokens: number;

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
    this.#demand_tokens = requestDemand_tokens(spec);
    for (const shelf of index.shelves.values()) {
      const reason = refusalOf(shelf.standing, spec, profile);
      if (reason === undefined) this.#open(shelf);
      else this.#refuse(reason, shelf.size);
    }
    this.#excluded = new Set(excluded);
    for (const cell of this.#excluded) this.#exclude(cell);
  }

  #open(shelf: Shelf): void {
    const lanes: Lane[] = [];
    for (const lane of shelf.lanes.values()) {
      if (this.#isRoomy(lane)) {
        lanes.push(lane);
        this.candidates += lane.cells.size;
      } else this.#refuse("capacity", lane.cells.size);
    }
    this.#shelves.push({ shelf, lanes });
  }

  /** Counts a machine under this request's own reason instead of that of its shelf. */
  #exclude({ shelf, lane }: Cell): void {
    if (shelf === undefined) return;
    const isRoomy = lane !== undefined && this.#isRoomy(lane);
    const reason = refusalOf(shelf.standing, this.spec, this.profile) ?? (isRoomy ? undefined : "capacity");
    if (reason === undefined) this.candidates -= 1;
    else this.#refuse(reason, -1);
    this.#refuse("excluded", 1);
  }

  #isRoomy({ room_tokens }: Row): boolean {
    return room_tokens >= this.#demand_tokens;
  }

  /** What was found, for the record. */
  audit(found: Found | undefined): DecisionAudit {
    const { spec, context, profile } = this;
    const candidates = () => [...this.#seen.values()].filter((candidate) => candidate !== undefined);
    return new DecisionAudit({ spec, context, profile, candidates, refused: this.#refused, choice: found?.choice ?? { kind: "none" } });
  }

  /** Preferences narrow the pool as long as somebody is left in it; then the cheapest, the near-ties, the least busy, the dice. */
  find(): Found | undefined {
    const { avoidVersion } = this.spec;
    const others = this.#shelves.filter(({ shelf }) => shelf.standing.version !== avoidVersion);
    const pools = avoidVersion === undefined ? [this.#shelves] : [others, this.#shelves];
    for (const pool of pools) {
      const found = this.#findIn(pool.filter(({ shelf }) => shelf.standing.bearable)) ?? this.#findIn(pool);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #findIn(pool: readonly OpenShelf[]): Found | undefined {
    const lanes = pool.flatMap((open) => open.lanes);
    const affine = this.#affineIn(pool);
    const best_ms = this.#leastCost_ms(lanes, affine?.total_ms ?? Number.POSITIVE_INFINITY);
    if (best_ms === Number.POSITIVE_INFINITY) {
      for (const lane of lanes) tighten(lane);
      return undefined;
    }
    const limit_ms = best_ms + costProfileOf(this.context).nearTie_ms;
    if (affine !== undefined && affine.total_ms <= limit_ms && isHolder(affine))
      return { candidate: affine, tied: 1, draw: undefined, choice: equals([affine]) };
    for (const group of equallyBusy(pool)) {
      const drawers = group.filter((drawer) => this.#isRoomy(drawer) && rowBound_ms(drawer, this.spec) <= limit_ms);
      const found = drawers.length === 0 ? undefined : this.#drawFrom(drawers, limit_ms);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** The holder of the caller's prefix; it costs less than its bound tells, so it is looked at first. */
  #affineIn(pool: readonly OpenShelf[]): Candidate | undefined {
    const cell = this.holder;
    if (cell?.lane === undefined || !this.#isRoomy(cell.lane)) return undefined;
    return pool.some(({ shelf }) => shelf === cell.shelf) ? this.#look(cell) : undefined;
  }

  #leastCost_ms(lanes: readonly Lane[], known_ms: number): number {
    const frontier = new Frontier(lanes, this.spec);
    let best_ms = known_ms;
    while (frontier.bound_ms < best_ms) {
      const cell = frontier.next();
      // A cell says more of itself than its lane does, and saying it costs little beside a look at its machine.
      if (cell === undefined || cellBound_ms(cell, this.spec) >= best_ms) continue;
      best_ms = Math.min(best_ms, this.#look(cell)?.total_ms ?? Number.POSITIVE_INFINITY);
    }
    return best_ms;
  }

  /** One of the equals whose cost is within the limit, each as likely as the other; undefined if there is none. */
  #drawFrom(group: readonly Drawer[], limit_ms: number): Found | undefined {
    const size = group.reduce((sum, { cells }) => sum + cells.size, 0);
    if (size > SAMPLE) {
      const fastest_tps = group.reduce((most, { prefill_tps_max }) => Math.max(most, prefill_tps_max), 0);
      const draw = drawForGroup(fastest_tps, this.spec, costProfileOf(this.context), this.context.random);
      const tried: ProviderView[] = [];
      const drawn = this.#drawn(group, size, limit_ms, drawnPlaces(draw), tried);
      if (drawn !== undefined) return { candidate: drawn, tied: size, draw, choice: { kind: "drawn", tried, of: size } };
    }
    // Few, or hardly any within the limit: in the order of what they cost at least, until that is past the limit.
    const near: Candidate[] = [];
    const frontier = new Frontier(group, this.spec);
    while (frontier.bound_ms <= limit_ms && near.length < SAMPLE) {
      const cell = frontier.next();
      const candidate = cell && this.#lookWithin(cell, limit_ms);
      if (candidate !== undefined) near.push(candidate);
    }
    const draw = drawAmong(near, this.spec, costProfileOf(this.context), this.context.random);
    const candidate = near[Math.floor((draw ?? 0) * near.length)];
    return candidate && { candidate, tied: near.length, draw, choice: equals(near) };
  }

  #drawn(
    group: readonly Drawer[],
    size: number,
    limit_ms: number,
    placeIn: (size: number) => number,
    tried: ProviderView[],
  ): Candidate | undefined {
    for (let tries = 0; tries < SAMPLE; tries += 1) {
      let index = placeIn(size);
      const drawer = group.find(({ cells }) => {
        if (index < cells.size) return true;
        index -= cells.size;
        return false;
      });
      const cell = drawer?.cells.at(index);
      if (cell === undefined) continue;
      tried.push(cell.view);
      const candidate = this.#lookWithin(cell, limit_ms);
      if (candidate !== undefined) return candidate;
    }
    return undefined;
  }

  #lookWithin(cell: Cell, limit_ms: number): Candidate | undefined {
    if (cellBound_ms(cell, this.spec) > limit_ms) return undefined;
    const candidate = this.#look(cell);
    return candidate !== undefined && candidate.total_ms <= limit_ms ? candidate : undefined;
  }

  /** The gates that reckon with this machine and this request; and its exact cost. */
  #look(cell: Cell): Candidate | undefined {
    if (this.#seen.has(cell)) return this.#seen.get(cell);
    const candidate = this.#weigh(cell);
    this.#seen.set(cell, candidate);
    return candidate;
  }

  #weigh(cell: Cell): Candidate | undefined {
    const { spec, context } = this;
    const { view } = cell;
    if (this.#excluded.has(cell)) return undefined;
    this.visits += 1;
    if (capacity.refuses(view, spec, context)) return this.#refuseSeen("capacity", view);
    const measured = measure(view, spec, context);
    this.bestTtft_ms = Math.min(this.bestTtft_ms, measured.ttft_ms ?? Number.NaN);
    const isTooSlow = !PROFILE_OMISSIONS[this.profile].includes("ttft_ceiling") && ttftCeiling.refuses(view, spec, context);
    if (isTooSlow) return this.#refuseSeen("ttft_ceiling", view);
    return { measured, total_ms: totalCost_ms(measured, costProfileOf(context), spec) };
  }

  #refuseSeen(reason: RefusalReason, view: ProviderView): undefined {
    if (this.#refused.length < AUDIT_LIMITS.refused_max) this.#refused.push({ view, reason });
    this.candidates -= 1;
    this.#refuse(reason, 1);
  }

  #refuse(reason: RefusalReason, machines: number): void {
    const count = (this.refusals[reason] ?? 0) + machines;
    if (count === 0) delete this.refusals[reason];
    else this.refusals[reason] = count;
  }
}

function equals(candidates: readonly Candidate[]): Choice {
  return { kind: "equals", among: () => candidates.map(({ measured }) => measured.provider) };
}

/** A shelf that no gate refuses as a whole, and its lanes in which somebody may have room. */
interface OpenShelf {
  readonly shelf: Shelf;
  readonly lanes: readonly Lane[];
}

/** Drawers of equally busy machines together, over all shelves, the least busy first. */
function* equallyBusy(pool: readonly OpenShelf[]): Iterable<readonly Drawer[]> {
  const positions = pool.map(() => 0);
  const heads = () => pool.map(({ shelf }, index): Group | undefined => shelf.groups[positions[index] ?? 0]);
  for (let groups = heads(); groups.some((group) => group !== undefined); groups = heads()) {
    const least = groups.reduce((code, group) => Math.min(code, group?.code ?? code), Number.POSITIVE_INFINITY);
    const drawers: Drawer[] = [];
    for (const [index, group] of groups.entries()) {
      if (group?.code !== least) continue;
      drawers.push(...group.drawers.values());
      positions[index] = (positions[index] ?? 0) + 1;
    }
    yield drawers;
  }
}
