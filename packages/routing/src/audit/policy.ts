import { type CostProfile, DEFAULT_COST_PROFILE } from "../cost/profile.js";

/** Goes up with every change of what a gate refuses, of their list or order, or of how the picker picks; a test pins the list. */
export const GATES_VERSION = "4";

/** What decided, besides the inputs: the version of the rules, and where the coefficients were not the built-in ones, how they differed. */
export interface Policy {
  readonly gates: string;
  /** Of the coefficients that were used. */
  readonly cost: string;
  /** Of the built-in coefficients, from which `changed` departs. */
  readonly base: string;
  readonly changed: Readonly<Record<string, number>>;
}

export function policyOf(profile: CostProfile): Policy {
  const changed: Record<string, number> = {};
  for (const [name, value] of Object.entries(profile)) {
    if (typeof value === "number" && value !== DEFAULT_COST_PROFILE[name as keyof CostProfile]) changed[name] = value;
  }
  return { gates: GATES_VERSION, cost: profile.version, base: DEFAULT_COST_PROFILE.version, changed };
}

/** The coefficients of a policy; undefined where this release has other rules or other built-in coefficients. */
export function profileOf(policy: Policy): CostProfile | undefined {
  if (policy.gates !== GATES_VERSION || policy.base !== DEFAULT_COST_PROFILE.version) return undefined;
  return { ...DEFAULT_COST_PROFILE, ...policy.changed, version: policy.cost };
}
