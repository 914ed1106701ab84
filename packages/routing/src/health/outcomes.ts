/** How work on one machine ended, the latest weighing most. Frozen. */
export interface OutcomeCounts {
  readonly successes: number;
  readonly failures: number;
}

export const NO_OUTCOMES: OutcomeCounts = Object.freeze({ successes: 0, failures: 0 });

/** Outcomes before which nothing is concluded (routing.md §5). */
export const OUTCOMES_min = 20;
/** Weight of all outcomes together, once there are many: older ones fade. */
const OUTCOMES_REMEMBERED = 500;
/** For 95 % confidence. */
const Z = 1.96;

export function withOutcome({ successes, failures }: OutcomeCounts, outcome: "success" | "failure"): OutcomeCounts {
  const kept = successes + failures >= OUTCOMES_REMEMBERED ? 1 - 1 / OUTCOMES_REMEMBERED : 1;
  return Object.freeze({
    successes: successes * kept + (outcome === "success" ? 1 : 0),
    failures: failures * kept + (outcome === "failure" ? 1 : 0),
  });
}

/**
 * The share of successes that a machine reaches at least, with 95 % confidence: the lower end of Wilson's score interval (1927). Undefined
 * while too little is known.
 */
export function reliabilityOf({ successes, failures }: OutcomeCounts): number | undefined {
  const total = successes + failures;
  if (total < OUTCOMES_min) return undefined;
  const share = successes / total;
  const square = Z * Z;
  const centre = share + square / (2 * total);
  const margin = Z * Math.sqrt((share * (1 - share) + square / (4 * total)) / total);
  return Math.max(0, (centre - margin) / (1 + square / total));
}
