/** Of what is usual for such requests: one that waits longer has probably met a machine that stalls. */
const USUAL_FACTOR = 1.5;
/** No sooner, however fast a build usually is: a hiccup of the network is no stall. */
const HEDGE_DELAY_MS_MIN = 250;
/** Of the first-content deadline; no later, and the delay while nothing is known yet. Source: routing.md §9. */
const DEADLINE_FRACTION = 0.5;

/**
 * How long an attempt is waited for before a second machine is asked as well.
 *
 * @param firstContent_ms the attempt's whole time
 * @param usual_ms 90th percentile of such requests' time to first content; 0 or undefined while unknown
 */
export function hedgeDelay_ms(firstContent_ms: number, usual_ms: number | undefined): number {
  const latest_ms = DEADLINE_FRACTION * firstContent_ms;
  if (usual_ms === undefined || usual_ms <= 0) return latest_ms;
  return Math.min(latest_ms, Math.max(HEDGE_DELAY_MS_MIN, USUAL_FACTOR * usual_ms));
}

/** What hedging may cost: so many second attempts for each request dispatched, and their burst as a share of the last minute's. */
export const HEDGE_BUDGET = { share: 0.05, window_ms: 60_000, burst_min: 1, builds_max: 10_000 } as const;

/** Counts hedges of each build against its traffic. */
export interface HedgeBudget {
  /** A request of the build has been sent for the first time: a share of a hedge is earned. */
  dispatched(build: string, now_ms: number): void;
  /**
   * Takes one hedge; false when the build has none left. A request that has lost a machine already takes one in advance, as far as the next
   * minute will earn it: with a third machine that is late it would be lost itself.
   */
  take(build: string, now_ms: number, failures?: number): boolean;
}

interface Purse {
  hedges: number;
  /** Dispatches of the minute under way, and of the one before. */
  current: number;
  previous: number;
  windowStart_ms: number;
}

/**
 * A token bucket a build (routing.md §9: at most 5 % of dispatches per build per minute).
 *
 * @param share of a build's dispatches, 0 to 1; 0 is none
 */
export function createHedgeBudget(share: number = HEDGE_BUDGET.share): HedgeBudget {
  const purses = new Map<string, Purse>();

  function burstOf({ current, previous }: Purse): number {
    return Math.max(HEDGE_BUDGET.burst_min, share * Math.max(current, previous));
  }

  function purseOf(build: string, now_ms: number): Purse {
    const known = purses.get(build);
    if (known !== undefined) return turned(known, now_ms);
    const [oldest] = purses.keys();
    if (purses.size >= HEDGE_BUDGET.builds_max && oldest !== undefined) purses.delete(oldest);
    const purse = { hedges: HEDGE_BUDGET.burst_min, current: 0, previous: 0, windowStart_ms: now_ms };
    purses.set(build, purse);
    return purse;
  }

  return {
    dispatched(build, now_ms) {
      const purse = purseOf(build, now_ms);
      purse.current += 1;
      purse.hedges = Math.min(burstOf(purse), purse.hedges + share);
    },
    take(build, now_ms, failures = 0) {
      if (share === 0) return false;
      const purse = purseOf(build, now_ms);
      // A hair's breadth: twenty shares of a twentieth do not add up to one in binary.
      const advance = failures > 0 ? burstOf(purse) : 0;
      if (purse.hedges + advance < 1 - 1e-9) return false;
      purse.hedges -= 1;
      return true;
    },
  };
}

function turned(purse: Purse, now_ms: number): Purse {
  const passed = Math.floor((now_ms - purse.windowStart_ms) / HEDGE_BUDGET.window_ms);
  if (passed <= 0) return purse;
  purse.previous = passed === 1 ? purse.current : 0;
  purse.current = 0;
  purse.windowStart_ms += passed * HEDGE_BUDGET.window_ms;
  return purse;
}
