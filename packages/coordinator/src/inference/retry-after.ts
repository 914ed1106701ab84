import { retryAfter_s } from "@umbel/routing";

/** When a request refused for want of capacity may come again. Source: routing.md §7, api.md §10.5. */
export interface RetryAfter {
  /** Whole seconds. */
  seconds(build: string): number;
}

/**
 * @param depth requests that wait for the build
 * @param drain_perSecond places of the build that become free, per second; 0 is unknown
 */
export function createRetryAfter(
  depth: (build: string) => number,
  drain_perSecond: (build: string) => number,
  random: () => number,
): RetryAfter {
  return { seconds: (build) => retryAfter_s(depth(build), drain_perSecond(build), random) };
}
