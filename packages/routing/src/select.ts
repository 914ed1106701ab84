import type { ProfileName } from "./gates/profiles.js";
import type { Decision, ProviderView, RequestSpec, RoutingContext } from "./types.js";

/**
 * Chooses the provider for one request: gates, cost, pick. Pure and synchronous, so that a single-threaded caller reserves in the same
 * step. One pass over `providers`.
 *
 * @param providers frozen views; iteration order matters only in that the same order, spec and dice give the same winner
 * @param profile gates to apply. `select` (the default) also tries `select_failopen` when nothing but circuit breakers stood in the way.
 * @returns the winner with its cost term by term, or no winner and how many providers each reason refused
 */
export function select(
  providers: Iterable<ProviderView>,
  spec: RequestSpec,
  context: RoutingContext,
  profile: ProfileName = "select",
): Decision {
  void providers;
  void spec;
  void context;
  throw new Error(`profile ${profile} is not built`);
}
