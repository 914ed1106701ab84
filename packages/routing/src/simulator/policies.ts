import { createFleetIndex, type FleetIndex } from "../fleet-index/index.js";
import { leastPending, randomly, roundRobin } from "./baselines.js";

/** What chooses machines in a run. */
export type Selector = Pick<FleetIndex, "set" | "remove" | "get" | "views" | "select">;

/** A way to route, beside which everything else is the same: gates, queue, failover, planner, requests and faults. */
export interface Policy {
  readonly description: string;
  readonly hedging: boolean;
  createSelector(): Selector;
}

const POLICY_TABLE = {
  ours: { description: "cost, near-ties, least busy; hedging", hedging: true, createSelector: createFleetIndex },
  "ours-no-hedging": { description: "the same without hedging", hedging: false, createSelector: createFleetIndex },
  "least-pending": { description: "fewest requests placed; hedging", hedging: true, createSelector: leastPending },
  "round-robin": { description: "one after the other; hedging", hedging: true, createSelector: roundRobin },
  random: { description: "any; hedging", hedging: true, createSelector: randomly },
} as const satisfies Record<string, Policy>;

export type PolicyName = keyof typeof POLICY_TABLE;
export const POLICIES: Readonly<Record<PolicyName, Policy>> = POLICY_TABLE;

export function isPolicyName(name: string): name is PolicyName {
  return Object.hasOwn(POLICIES, name);
}
