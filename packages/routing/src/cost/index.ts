import type { CandidateCost, RequestSpec } from "../types.js";
import { affinity } from "./affinity.js";
import { backlog } from "./backlog.js";
import { decode } from "./decode.js";
import { health } from "./health.js";
import { longPrompt } from "./long-prompt.js";
import type { Measurements } from "./measure.js";
import { pending } from "./pending.js";
import { prefill } from "./prefill.js";
import type { CostProfile } from "./profile.js";
import { queue } from "./queue.js";
import { release } from "./release.js";
import { reliability } from "./reliability.js";
import { state } from "./state.js";
import type { CostTerm } from "./term.js";
import { unread } from "./unread.js";

/** What a machine costs: the sum of these, in milliseconds, lower is better (routing.md §5). */
export const COST_TERMS: readonly CostTerm[] = [
  state,
  queue,
  pending,
  unread,
  backlog,
  prefill,
  decode,
  longPrompt,
  health,
  reliability,
  release,
  affinity,
];

/** The sum alone, for comparison. */
export function totalCost_ms(measured: Measurements, profile: CostProfile, spec: RequestSpec): number {
  let total_ms = 0;
  for (const term of COST_TERMS) total_ms += term.cost_ms(measured, profile, spec, total_ms);
  return total_ms;
}

/** The sum with its terms, for the record. */
export function itemisedCost(measured: Measurements, profile: CostProfile, spec: RequestSpec): CandidateCost {
  const terms: Record<string, number> = {};
  let total_ms = 0;
  for (const term of COST_TERMS) {
    const cost_ms = term.cost_ms(measured, profile, spec, total_ms);
    terms[term.name] = cost_ms;
    total_ms += cost_ms;
  }
  return Object.freeze({ providerId: measured.provider.id, total_ms, terms: Object.freeze(terms), ttft_ms: measured.ttft_ms });
}
