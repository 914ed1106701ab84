import { COST_TERMS, itemisedCost } from "./cost/index.js";
import { measure } from "./cost/measure.js";
import { costProfileOf } from "./cost/profile.js";
import { GATES } from "./gates/index.js";
import { firstRefusal, type ProfileName } from "./gates/profiles.js";
import type { CandidateCost, Decision, ProviderView, RefusalKind, RefusalReason, RequestSpec, RoutingContext } from "./types.js";

/** Why one machine would or would not serve one request. */
export type ProviderExplanation =
  | {
      readonly outcome: "refused";
      readonly providerId: string;
      readonly reason: RefusalReason;
      readonly kind: RefusalKind;
      /** Monotonic instant at which the refusal clears by itself, if the gate knows one. */
      readonly until_ms: number | undefined;
      readonly lines: readonly string[];
    }
  | { readonly outcome: "candidate"; readonly providerId: string; readonly cost: CandidateCost; readonly lines: readonly string[] };

/** What waiting can do about a refusal, as the end of a sentence. */
const KIND_WORDS: Readonly<Record<RefusalKind, string>> = {
  request: "for this request only",
  structural: "until the machine or the request changes",
  transient: "for now",
  permanent: "for good",
};

/**
 * A decision in plain words, one statement a line: how many machines were considered, what refused the others, and what the winner costs.
 * Holds ids and numbers only, nothing of the request's content.
 */
export function explainDecision(decision: Decision): string[] {
  return [headline(decision), ...refusalLines(decision), ...winnerLines(decision)];
}

/**
 * The first gate that refuses a machine and why, or what the machine would cost.
 *
 * @param profile gates to apply; `select` is what dispatch applies
 */
export function explainProvider(
  provider: ProviderView,
  spec: RequestSpec,
  context: RoutingContext,
  profile: ProfileName = "select",
): ProviderExplanation {
  const gate = firstRefusal(profile, provider, spec, context);
  if (!gate) {
    const cost = itemisedCost(measure(provider, spec, context), costProfileOf(context), spec);
    return { outcome: "candidate", providerId: provider.id, cost, lines: ["the machine may serve this request", ...costLines(cost)] };
  }
  const until_ms = gate.until_ms?.(provider, spec);
  const wait = until_ms === undefined ? KIND_WORDS[gate.kind] : `for another ${seconds(until_ms - context.now_ms)}`;
  const lines = [`refused (${gate.reason}): the machine ${gate.words}; ${wait}`];
  return { outcome: "refused", providerId: provider.id, reason: gate.reason, kind: gate.kind, until_ms, lines };
}

/** What a refusal means: a clause after "the machine", and what waiting can do about it. */
export function explainRefusal(reason: RefusalReason): { readonly words: string; readonly kind: RefusalKind } {
  const gate = GATES.find((each) => each.reason === reason);
  return gate ? { words: gate.words, kind: gate.kind } : { words: "was refused", kind: "request" };
}

function headline({ winner, considered, candidates, failedOpen }: Decision): string {
  if (considered === 0) return "no machine is connected";
  const counts = `${candidates} of ${machines(considered)} could serve this request`;
  if (!winner) return counts;
  if (failedOpen) return `${counts}, and only by overlooking that it has failed lately: ${winner.providerId} was chosen`;
  return `${counts}: ${winner.providerId} was chosen`;
}

function refusalLines({ refusals }: Decision): string[] {
  return GATES.flatMap(({ reason, kind, words }) => {
    const count = refusals[reason];
    return count ? [`refused ${machines(count)} (${reason}): the machine ${words}; ${KIND_WORDS[kind]}`] : [];
  });
}

function winnerLines({ winner, tied, draw, costProfile, bestTtft_ms }: Decision): string[] {
  const best = bestTtft_ms === undefined ? [] : [`least estimate to the first token: ${seconds(bestTtft_ms)}`];
  if (!winner) return best;
  const dice = draw === undefined ? [] : [`${tied ?? "several"} machines were equal; the dice (${draw}) chose`];
  return [...dice, ...costLines(winner), `coefficients: version ${costProfile}`, ...best];
}

function costLines(cost: CandidateCost): string[] {
  const first = cost.ttft_ms === undefined ? "unknown, as it has not reported capacity" : seconds(cost.ttft_ms);
  const terms = COST_TERMS.flatMap(({ name, words }) => {
    const term_ms = cost.terms[name];
    return term_ms ? [`  ${seconds(term_ms)} ${name}: ${words}`] : [];
  });
  return [`its cost is ${seconds(cost.total_ms)}, lower is better:`, ...terms, `its estimate to the first token: ${first}`];
}

function machines(count: number): string {
  return count === 1 ? "1 machine" : `${count} machines`;
}

function seconds(duration_ms: number): string {
  return `${(duration_ms / 1000).toFixed(2)} s`;
}
