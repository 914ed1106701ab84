/** What a machine's standing is made of, over its whole life (routing.md §11.4). Frozen. */
export interface Reputation {
  readonly jobsOk: number;
  readonly jobsFailed: number;
  readonly challengesOk: number;
  readonly challengesFailed: number;
  readonly uptime_ms: number;
  /** Mean time from sending to first content beyond reading the prompt; 0 while unknown. */
  readonly response_ms: number;
}

export const NEW_REPUTATION: Reputation = Object.freeze({
  jobsOk: 0,
  jobsFailed: 0,
  challengesOk: 0,
  challengesFailed: 0,
  uptime_ms: 0,
  response_ms: 0,
});

/** A pause between heartbeats up to this long was no absence. */
export const UPTIME_GAP_ms_max = 120_000;

const WEIGHTS = { jobs: 0.4, uptime: 0.3, challenges: 0.2, response: 0.1 } as const;
const DAY_ms = 24 * 3_600_000;
/** What is unknown counts half. */
const UNKNOWN = 0.5;
/** A mean wait up to the first earns everything, from the second on nothing. */
const FAST_ms = 1_000;
const SLOW_ms = 10_000;
const RESPONSE_WEIGHT = 0.2;

/** For people to see; routing goes by `reliabilityOf`. Between 0 and 1; a machine of which nothing is known has 0.5. */
export function reputationScore(reputation: Reputation): number {
  const { jobsOk, jobsFailed, challengesOk, challengesFailed, uptime_ms, response_ms } = reputation;
  if (jobsOk + jobsFailed + challengesOk + challengesFailed === 0) return UNKNOWN;
  const uptime = Math.min(1, Math.max(UNKNOWN, uptime_ms / DAY_ms));
  const response = response_ms === 0 ? UNKNOWN : Math.min(1, Math.max(0, (SLOW_ms - response_ms) / (SLOW_ms - FAST_ms)));
  return (
    WEIGHTS.jobs * share(jobsOk, jobsFailed) +
    WEIGHTS.uptime * uptime +
    WEIGHTS.challenges * share(challengesOk, challengesFailed) +
    WEIGHTS.response * response
  );
}

/** @param sample_ms of one answer; one that is not positive says nothing */
export function withResponse(reputation: Reputation, sample_ms: number): Reputation {
  if (!(sample_ms > 0)) return reputation;
  const { response_ms } = reputation;
  const mean_ms = response_ms === 0 ? sample_ms : response_ms + RESPONSE_WEIGHT * (sample_ms - response_ms);
  return Object.freeze({ ...reputation, response_ms: mean_ms });
}

function share(ok: number, failed: number): number {
  return ok + failed === 0 ? UNKNOWN : ok / (ok + failed);
}
