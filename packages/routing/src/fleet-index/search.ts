import { requestDemand_tokens } from "../admission/demand.js";
import { totalCost_ms } from "../cost/index.js";
import { measure } from "../cost/measure.js";
import { costProfileOf } from "../cost/profile.js";
import { capacity } from "../gates/capacity.js";
import { PROFILE_OMISSIONS, type ProfileName } from "../gates/profiles.js";
import { ttftCeiling } from "../gates/ttft-ceiling.js";
import type { Candidate } from "../pick.js";
import { seededRandom } from "../random.js";
import type { RefusalReason, RequestSpec, RoutingContext } from "../types.js";
import type { BuildIndex, Placed } from "./build-index.js";
import type { Cell } from "./cell.js";
import type { Drawer } from "./drawer.js";
import { Frontier, lengthCost_ms } from "./frontier.js";
import { refusalOf, type Shelf } from "./shelf.js";

/** Members of a group of equals that are looked at one by one; of a larger group, as many are drawn. */
const SAMPLE = 32;

export interface Found {
  readonly candidate: Candidate;
  /** How many were equal to it, itself included; of a large group, its size. */
  readonly tied: number;
  readonly draw: number | undefined;
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
  readonly #excluded: ReadonlySet<Cell>;
  readonly #demand_tokens: number;

  /** @param excluded placed cells that the request may not go to again */
  constructor(
    private readonly index: BuildIndex,
    private readonly spec: RequestSpec,
    private readonly context: RoutingContext,
    private readonly profile: ProfileName,
    excluded: readonly Placed[],
  ) {
    this.#demand_tokens = requestDemand_tokens(spec);
    for (const shelf of index.shelves.values()) {
      const reason = refusalOf(shelf.standing, spec, profile);
      if (reason === undefined) this.#open(shelf);
      else this.#refuse(reason, shelf.size);
    }
    this.#excluded = new Set(excluded.map(({ cell }) => cell));
    for (const placed of excluded) this.#exclude(placed);
  }

  #open(shelf: Shelf): void {
    const drawers: Drawer[] = [];
    for (const drawer of shelf.drawers.values()) {
      if (drawer.room_tokens >= this.#demand_tokens) {
        drawers.push(drawer);
        this.candidates += drawer.cells.size;
      } else this.#refuse("capacity", drawer.cells.size);
    }
    this.#shelves.push({ shelf, drawers });
  }

  /** Counts a machine under this request's own reason instead of that of its shelf. */
  #exclude({ cell, shelf }: Placed): void {
    const reason = refusalOf(shelf.standing, this.spec, this.profile) ?? (this.#isRoomy(cell) ? undefined : "capacity");
    if (reason === undefined) this.candidates -= 1;
    else this.#refuse(reason, -1);
    this.#refuse("excluded", 1);
  }

  #isRoomy({ drawer }: Cell): boolean {
    return drawer !== undefined && drawer.room_tokens >= this.#demand_tokens;
  }

  /** Preferences narrow the pool as long as somebody is left in it; then the cheapest, the near-ties, the least busy, the dice. */
  find(): Found | undefined {
    const { avoidVersion } = this.spec;
    const others = this.#shelves.filter(({ shelf }) => shelf.version !== avoidVersion);
    const pools = avoidVersion === undefined ? [this.#shelves] : [others, this.#shelves];
    for (const pool of pools) {
      const found = this.#findIn(pool.filter(({ shelf }) => shelf.bearable)) ?? this.#findIn(pool);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #findIn(pool: readonly OpenShelf[]): Found | undefined {
    const drawers = pool.flatMap((open) => open.drawers);
    const affine = this.#affineIn(pool);
    const best_ms = this.#leastCost_ms(drawers, affine?.total_ms ?? Number.POSITIVE_INFINITY);
    if (best_ms === Number.POSITIVE_INFINITY) {
      for (const drawer of drawers) drawer.tighten();
      return undefined;
    }
    const limit_ms = best_ms + costProfileOf(this.context).nearTie_ms;
    if (affine !== undefined && affine.total_ms <= limit_ms) return { candidate: affine, tied: 1, draw: undefined };
    for (const group of groupsOf(drawers.filter((drawer) => this.#bound_ms(drawer) <= limit_ms))) {
      const found = this.#drawFrom(group, limit_ms);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** The holder of the caller's prefix; it costs less than its bound tells, so it is looked at first. */
  #affineIn(pool: readonly OpenShelf[]): Candidate | undefined {
    const { affinityProviderId } = this.spec;
    const placed = affinityProviderId === undefined ? undefined : this.index.placed(affinityProviderId);
    if (placed === undefined || !this.#isRoomy(placed.cell)) return undefined;
    return pool.some(({ shelf }) => shelf === placed.shelf) ? this.#look(placed.cell) : undefined;
  }

  #leastCost_ms(drawers: readonly Drawer[], known_ms: number): number {
    const frontier = new Frontier(drawers, this.spec);
    let best_ms = known_ms;
    while (frontier.bound_ms < best_ms) {
      const cell = frontier.next();
      if (cell !== undefined) best_ms = Math.min(best_ms, this.#look(cell)?.total_ms ?? Number.POSITIVE_INFINITY);
    }
    return best_ms;
  }

  #bound_ms(drawer: Drawer): number {
    return (drawer.cells.at(0)?.key ?? Number.POSITIVE_INFINITY) + lengthCost_ms(drawer, this.spec);
  }

  /** One of the equals whose cost is within the limit, each as likely as the other; undefined if there is none. */
  #drawFrom(group: readonly Drawer[], limit_ms: number): Found | undefined {
    const size = group.reduce((sum, { cells }) => sum + cells.size, 0);
    if (size > SAMPLE) {
      const draw = this.context.random();
      const drawn = this.#drawn(group, size, limit_ms, seededRandom(Math.floor(draw * 2 ** 32)));
      if (drawn !== undefined) return { candidate: drawn, tied: size, draw };
    }
    // Few, or hardly any within the limit: in the order of what they cost at least, until that is past the limit.
    const equals: Candidate[] = [];
    const frontier = new Frontier(group, this.spec);
    while (frontier.bound_ms <= limit_ms && equals.length < SAMPLE) {
      const cell = frontier.next();
      const candidate = cell && this.#look(cell);
      if (candidate !== undefined && candidate.total_ms <= limit_ms) equals.push(candidate);
    }
    const draw = equals.length > 1 ? this.context.random() : undefined;
    const candidate = equals[Math.floor((draw ?? 0) * equals.length)];
    return candidate && { candidate, tied: equals.length, draw };
  }

  #drawn(group: readonly Drawer[], size: number, limit_ms: number, random: () => number): Candidate | undefined {
    for (let tries = 0; tries < SAMPLE; tries += 1) {
      let index = Math.floor(random() * size);
      const drawer = group.find(({ cells }) => {
        if (index < cells.size) return true;
        index -= cells.size;
        return false;
      });
      const cell = drawer?.cells.at(index);
      const candidate = cell && this.#look(cell);
      if (candidate !== undefined && candidate.total_ms <= limit_ms) return candidate;
    }
    return undefined;
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
    if (capacity.refuses(view, spec, context)) return this.#refuseSeen("capacity");
    const measured = measure(view, spec, context);
    this.bestTtft_ms = Math.min(this.bestTtft_ms, measured.ttft_ms ?? Number.NaN);
    const isTooSlow = !PROFILE_OMISSIONS[this.profile].includes("ttft_ceiling") && ttftCeiling.refuses(view, spec, context);
    if (isTooSlow) return this.#refuseSeen("ttft_ceiling");
    return { measured, total_ms: totalCost_ms(measured, costProfileOf(context), spec) };
  }

  #refuseSeen(reason: RefusalReason): undefined {
    this.candidates -= 1;
    this.#refuse(reason, 1);
  }

  #refuse(reason: RefusalReason, machines: number): void {
    const count = (this.refusals[reason] ?? 0) + machines;
    if (count === 0) delete this.refusals[reason];
    else this.refusals[reason] = count;
  }
}

/** A shelf that no gate refuses as a whole, and its drawers in which somebody may have room. */
interface OpenShelf {
  readonly shelf: Shelf;
  readonly drawers: readonly Drawer[];
}

/** Drawers of equally busy machines together, the least busy first. */
function groupsOf(drawers: readonly Drawer[]): readonly (readonly Drawer[])[] {
  const sorted = [...drawers].sort(byWork);
  const groups: Drawer[][] = [];
  for (const drawer of sorted) {
    const last = groups.at(-1);
    if (last?.[0] !== undefined && byWork(last[0], drawer) === 0) last.push(drawer);
    else groups.push([drawer]);
  }
  return groups;
}

function byWork(a: Drawer, b: Drawer): number {
  return a.ahead - b.ahead || a.pendingTotal - b.pendingTotal;
}
