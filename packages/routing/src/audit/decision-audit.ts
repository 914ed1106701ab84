import type { ProfileName } from "../gates/profiles.js";
import type { Candidate } from "../pick.js";
import type { ProviderView, RefusalReason, RequestSpec, RoutingContext } from "../types.js";

/** How the winner was found among the candidates. */
export type Choice =
  | { readonly kind: "none" }
  /** The dice named one of `among`, in their order; without dice it is the only one. */
  | { readonly kind: "equals"; readonly among: () => readonly ProviderView[] }
  /**
   * Of a group of `of` equals the dice seeded a row of tries: the last of `tried` is the first that was within the limit. Those that are
   * undefined were passed over unseen, for the least that they cost.
   */
  | { readonly kind: "drawn"; readonly tried: readonly (ProviderView | undefined)[]; readonly of: number };

/** What a decision was made from, by reference: views are frozen, so that nothing has to be copied until somebody asks. */
export interface Evidence {
  readonly spec: RequestSpec;
  readonly context: RoutingContext;
  /** The gates that held in the end: `select_failopen` for a decision that failed open. */
  readonly profile: ProfileName;
  /** Those whose cost was reckoned, in the order in which they were looked at. */
  readonly candidates: () => readonly Candidate[];
  /** Machines that were refused when they were looked at one by one, the first of them. */
  readonly refused: readonly RefusedMachine[];
  readonly choice: Choice;
}

export interface RefusedMachine {
  readonly view: ProviderView;
  readonly reason: RefusalReason;
}

/**
 * Goes with a decision until it is encoded or forgotten. It holds views, so encode what is to be kept; JSON leaves it out.
 */
export class DecisionAudit {
  readonly #evidence: Evidence;

  constructor(evidence: Evidence) {
    this.#evidence = evidence;
  }

  get evidence(): Evidence {
    return this.#evidence;
  }

  toJSON(): undefined {
    return undefined;
  }
}
