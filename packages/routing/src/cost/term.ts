import type { RequestSpec } from "../types.js";
import type { Measurements } from "./measure.js";
import type { CostProfile } from "./profile.js";

/** One reason why a machine costs what it costs. */
export interface CostTerm {
  /** Key in the decision's record of terms. */
  readonly name: string;
  /** What the milliseconds stand for, as a noun phrase. */
  readonly words: string;
  /**
   * Pure; runs for every candidate, so it allocates nothing.
   *
   * @param subtotal_ms sum of the terms before this one, for a discount that must not exceed it
   */
  cost_ms(measured: Measurements, profile: CostProfile, spec: RequestSpec, subtotal_ms: number): number;
}
