import { type CostProfile, changedCostProfile } from "@umbel/routing";
import type { Settings } from "../../config/index.js";

/** The built-in coefficients with what the operator has set. */
export function costSettings({ affinityBonus_ms, costCoefficients }: Pick<Settings, "affinityBonus_ms" | "costCoefficients">): CostProfile {
  return changedCostProfile({ affinity_ms_max: affinityBonus_ms, ...Object.fromEntries(costCoefficients) });
}
