import { totalCost_ms } from "../cost/index.js";
import { measure } from "../cost/measure.js";
import { costProfileOf } from "../cost/profile.js";
import { firstRefusal, type ProfileName } from "../gates/profiles.js";
import { type Candidate, equalsOf } from "../pick.js";
import { BUSY_REASONS, RESTING_REASONS } from "../select.js";
import type { ProviderView, RefusalReason, RequestSpec, RoutingContext } from "../types.js";

/** Sessions that a full scan could draw as the winner, whatever the dice. Written out once more, so that a search can be held to it. */
export function admissibleWinners(
  providers: readonly ProviderView[],
  spec: RequestSpec,
  context: RoutingContext,
  profile: ProfileName,
): ReadonlySet<string> {
  const admissible = (name: ProfileName) =>
    equalsOf(
      providers
        .filter((provider) => firstRefusal(name, provider, spec, context) === undefined)
        .map((provider) => candidateOf(provider, spec, context)),
      spec,
      costProfileOf(context),
    ).map(({ measured }) => measured.provider.id);
  const winners = admissible(profile);
  if (winners.length > 0 || profile !== "select") return new Set(winners);
  const reasons = new Set(providers.map((provider) => firstRefusal(profile, provider, spec, context)?.reason));
  const isAnyOf = (some: readonly RefusalReason[]) => some.some((reason) => reasons.has(reason));
  const failsOpen = isAnyOf(RESTING_REASONS) && !isAnyOf(BUSY_REASONS);
  return new Set(failsOpen ? admissible("select_failopen") : []);
}

function candidateOf(provider: ProviderView, spec: RequestSpec, context: RoutingContext): Candidate {
  const measured = measure(provider, spec, context);
  return { measured, total_ms: totalCost_ms(measured, costProfileOf(context), spec) };
}
