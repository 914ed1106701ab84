import { windowDemand_tokens } from "../admission/demand.js";
import { PROFILE_OMISSIONS, type ProfileName } from "../gates/profiles.js";
import type { ProviderView, RequestSpec } from "../types.js";
import { type BuildFacts, isSameOffer, type MachineFacts, type OfferFacts } from "./facts.js";
import { rankOf } from "./refusal-tally.js";
import { Shelf, type Standing } from "./shelf.js";

/** The shelves of a build, and which of them are open to whom. */
export class Shelves {
  readonly list: Shelf[] = [];
  /** By kind of request: the rank of what refuses each shelf. Forgotten when shelves come or go, which is rare. */
  #ranks: (readonly number[] | undefined)[] = [];

  for(view: ProviderView, machine: MachineFacts, offer: OfferFacts, facts: BuildFacts): Shelf {
    for (const shelf of this.list) if (shelf.isFor(view, machine, offer, facts)) return shelf;
    const { refusal, restsBase, restsTools, bearable } = facts;
    const shelf = new Shelf({ offer, refusal, restsBase, restsTools, bearable, resting: machine.resting, version: view.version });
    this.list.push(shelf);
    this.#ranks = [];
    return shelf;
  }

  /** The one that stands on a shelf already, if any is equal: every cell's offer is that of its shelf. */
  shared(offer: OfferFacts): OfferFacts {
    for (const { standing } of this.list) if (isSameOffer(standing.offer, offer)) return standing.offer;
    return offer;
  }

  drop(shelf: Shelf): void {
    this.list.splice(this.list.indexOf(shelf), 1);
    this.#ranks = [];
  }

  /**
   * The rank of the first gate that refuses each shelf, in the order of `list`: of the gates that look at the request, those that need no
   * reckoning, and not the length of the context.
   */
  ranks(spec: RequestSpec, profile: ProfileName): readonly number[] {
    const kind = kindOf(spec, profile);
    const known = this.#ranks[kind];
    if (known !== undefined) return known;
    const ranks = this.list.map(({ standing }) => rankFor(standing, spec, profile));
    this.#ranks[kind] = ranks;
    return ranks;
  }
}

const CONTEXT_TOO_SMALL = rankOf("context_too_small");

/** With the length of the context. @param rank what `ranks` says of the shelf */
export function withContext(rank: number, { offer: { contextLength_tokens } }: Standing, spec: RequestSpec): number {
  const isTooSmall = contextLength_tokens > 0 && windowDemand_tokens(spec) > contextLength_tokens;
  return isTooSmall ? Math.min(rank, CONTEXT_TOO_SMALL) : rank;
}

const PROFILE_KINDS: Readonly<Record<ProfileName, number>> = { select: 0, select_failopen: 8, preview: 16 };

/** All that decides about shelves, but for the request's length. */
function kindOf({ needsTools, needsVision, needsStructured }: RequestSpec, profile: ProfileName): number {
  return PROFILE_KINDS[profile] + (needsTools ? 4 : 0) + (needsVision ? 2 : 0) + (needsStructured === true ? 1 : 0);
}

const LOOKS_AT_RESTS: Readonly<Record<ProfileName, boolean>> = {
  select: looksAtRests("select"),
  select_failopen: looksAtRests("select_failopen"),
  preview: looksAtRests("preview"),
};

function looksAtRests(profile: ProfileName): boolean {
  return !PROFILE_OMISSIONS[profile].includes("breaker_open") && !PROFILE_OMISSIONS[profile].includes("error_cooldown");
}

function rankFor(standing: Standing, spec: RequestSpec, profile: ProfileName): number {
  const { refusal, resting, restsBase, restsTools } = standing;
  const { tools, vision, structured } = standing.offer;
  let rank = rankOf(refusal);
  if (LOOKS_AT_RESTS[profile]) {
    if (spec.needsTools ? restsTools : restsBase) rank = Math.min(rank, rankOf("error_cooldown"));
    if (resting) rank = Math.min(rank, rankOf("breaker_open"));
  }
  if (spec.needsTools && !tools) rank = Math.min(rank, rankOf("tools_unsupported"));
  if (spec.needsVision && !vision) rank = Math.min(rank, rankOf("vision_unsupported"));
  if (spec.needsStructured === true && !structured) rank = Math.min(rank, rankOf("structured_unsupported"));
  return rank;
}
