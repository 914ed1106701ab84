import type { Demand } from "./demand.js";

/** Why a build is to be loaded. */
export function demandWords({ survey, load, target_places, floor, missing_places, pressure }: Demand): string {
  const supply_places = survey.warm_places + survey.coming_places;
  const sizes = `${figure(load)} requests at once want ${figure(target_places)} places, and ${figure(missing_places)} are missing beside ${figure(supply_places)}`;
  if (pressure.length > 0) return `${sizes}: ${pressure.join(", ")}`;
  const isFloor = survey.warmCopies + survey.coming < floor;
  return isFloor ? `the operator keeps ${floor} copies, and ${survey.warmCopies} are in memory` : `${sizes}, for a demand of late`;
}

/** Why a build is to be put away. */
export function surplusWords({ survey, load, target_places }: Demand): string {
  return `${figure(load)} requests at once want ${figure(target_places)} places, and ${figure(survey.warm_places)} are in memory`;
}

function figure(value: number): string {
  return String(Math.round(value * 10) / 10);
}
