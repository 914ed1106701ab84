import { type Decision, REFUSAL_REASONS, type RefusalReason } from "../types.js";

/** The rank of what no gate refuses: after all of them. */
export const ADMITTED = REFUSAL_REASONS.length;

const RANKS: ReadonlyMap<RefusalReason, number> = new Map(REFUSAL_REASONS.map((reason, rank) => [reason, rank]));
const NOBODY: readonly number[] = REFUSAL_REASONS.map(() => 0);

/** A reason's place in the order of the gates: of several, the least is reported. */
export function rankOf(reason: RefusalReason | undefined): number {
  return reason === undefined ? ADMITTED : (RANKS.get(reason) ?? ADMITTED);
}

/** How many machines each gate has refused, by its rank. */
export class RefusalTally {
  readonly #machines = NOBODY.slice();

  add(rank: number, machines: number): void {
    this.#machines[rank] = (this.#machines[rank] ?? 0) + machines;
  }

  /** Reasons that refused nobody are absent. */
  get refusals(): Decision["refusals"] {
    const refusals: Partial<Record<RefusalReason, number>> = {};
    for (let rank = 0; rank < ADMITTED; rank += 1) {
      const reason = REFUSAL_REASONS[rank];
      const machines = this.#machines[rank];
      if (reason !== undefined && machines !== undefined && machines !== 0) refusals[reason] = machines;
    }
    return Object.freeze(refusals);
  }
}
