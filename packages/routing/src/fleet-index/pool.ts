import type { ProfileName } from "../gates/profiles.js";
import type { Decision, RefusalReason, RequestSpec } from "../types.js";
import type { Cell } from "./cell.js";
import type { Lane } from "./lane.js";
import { boundOf_ms, type Length } from "./length.js";
import { ADMITTED, RefusalTally, rankOf } from "./refusal-tally.js";
import type { Shelf } from "./shelf.js";
import { type Shelves, withContext } from "./shelves.js";

const CAPACITY = rankOf("capacity");
const EXCLUDED = rankOf("excluded");

/** Lanes that are equally preferred, and beside each the least that the request can cost in it. */
export interface Tier {
  readonly lanes: Lane[];
  readonly bounds_ms: number[];
}

/** What is left of a build's machines for one request, by what is known of whole shelves and lanes; all others are counted. */
export class Pool {
  /** Machines that no gate has refused so far. */
  candidates = 0;
  /** Lanes in which somebody may have room, by how much their machines are preferred, the most first. */
  readonly tiers: (Tier | undefined)[] = [undefined, undefined, undefined, undefined];
  readonly #tally = new RefusalTally();

  constructor(
    private readonly shelves: Shelves,
    private readonly spec: RequestSpec,
    private readonly profile: ProfileName,
    private readonly length: Length,
    excluded: ReadonlySet<Cell>,
  ) {
    const { list } = shelves;
    const ranks = shelves.ranks(spec, profile);
    for (let place = 0; place < list.length; place += 1) {
      const shelf = list[place];
      if (shelf === undefined) continue;
      const rank = withContext(ranks[place] ?? ADMITTED, shelf.standing, spec);
      if (rank === ADMITTED) this.#open(shelf);
      else this.#tally.add(rank, shelf.size);
    }
    for (const cell of excluded) this.#exclude(cell);
  }

  /** How many machines each gate has refused so far. */
  get refusals(): Decision["refusals"] {
    return this.#tally.refusals;
  }

  /** Counts machines that were candidates. */
  refuse(reason: RefusalReason, machines: number): void {
    this.candidates -= machines;
    this.#tally.add(rankOf(reason), machines);
  }

  #open(shelf: Shelf): void {
    const { lanes } = shelf;
    const tier = this.#tierFor(shelf);
    for (let place = 0; place < lanes.list.length; place += 1) {
      const lane = lanes.list[place];
      if (lane !== undefined && this.length.fits(lanes.roomAt_tokens(place))) {
        tier.lanes.push(lane);
        tier.bounds_ms.push(boundOf_ms(lanes.leastAt_ms(place), this.length.beyond_ms(lanes.codeAt(place))));
        this.candidates += lanes.sizeAt(place);
      } else this.#tally.add(CAPACITY, lanes.sizeAt(place));
    }
  }

  /** Another release, and a bearable rate: where a preference leaves nobody, it falls, the last first. */
  #tierFor({ standing }: Shelf): Tier {
    const rank = (standing.version === this.spec.avoidVersion ? 2 : 0) + (standing.bearable ? 0 : 1);
    const known = this.tiers[rank];
    if (known !== undefined) return known;
    const tier: Tier = { lanes: [], bounds_ms: [] };
    this.tiers[rank] = tier;
    return tier;
  }

  /** Counts a machine under this request's own reason instead of that of its shelf. */
  #exclude({ shelf, drawer }: Cell): void {
    if (shelf === undefined) return;
    const ranks = this.shelves.ranks(this.spec, this.profile);
    const rank = withContext(ranks[this.shelves.list.indexOf(shelf)] ?? ADMITTED, shelf.standing, this.spec);
    if (rank !== ADMITTED) this.#tally.add(rank, -1);
    else if (drawer !== undefined && this.#isOpen(drawer.lane)) this.candidates -= 1;
    else this.#tally.add(CAPACITY, -1);
    this.#tally.add(EXCLUDED, 1);
  }

  #isOpen({ shelf, code }: Lane): boolean {
    return this.length.fits(shelf.lanes.roomAt_tokens(shelf.lanes.placeOf(code)));
  }
}
