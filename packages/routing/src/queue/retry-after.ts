const LEAST_s = 2;
const MOST_s = 30;
/** Assumed of each waiter while the rate at which places become free is unknown. */
const PER_WAITER_s = 3;
/** Those who were turned away together do not come back together. */
const JITTER = 0.2;

/**
 * When a request refused for want of capacity may come again: when those in line have had their turn (routing.md §7, api.md §10.5).
 *
 * @param drain_perSecond places that become free, per second; 0 is unknown
 * @returns whole seconds
 */
export function retryAfter_s(waiting: number, drain_perSecond: number, random: () => number): number {
  const drained_s = drain_perSecond > 0 ? (waiting + 1) / drain_perSecond : waiting * PER_WAITER_s;
  const usual_s = clamped(drained_s);
  const [least_s, most_s] = [clamped(usual_s * (1 - JITTER)), clamped(usual_s * (1 + JITTER))];
  return Math.round(least_s + random() * (most_s - least_s));
}

function clamped(seconds: number): number {
  return Math.min(MOST_s, Math.max(LEAST_s, seconds));
}
