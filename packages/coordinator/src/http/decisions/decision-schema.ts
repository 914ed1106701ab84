import { z } from "zod";
import type { Attempted } from "../../insight/index.js";
import { jsonAmount } from "../money-format.js";
import { attemptInWords, refusalsOf, requestInWords } from "./in-words.js";

const milliseconds = z.number().nullable();
const count = z.int().nullable();
const word = z.string().nullable();

const resultObject = z.object({
  final_status: word.describe("success, partial_success, cancelled, error or timeout; null while it goes on."),
  error_class: word,
  error_reason: word.describe("What the machine, or the wire to it, reported."),
  client_outcome: word.describe("answered, cut_short, left, refused, or unaware where another attempt went on."),
  provider_outcome: word,
  billing_outcome: word,
  committed: z.boolean().describe("Whether the consumer got content from this attempt."),
  used_hedge: z.boolean(),
  hedge_won: z.boolean(),
  prompt_tokens: count,
  completion_tokens: count,
  reasoning_tokens: count,
  cached_prompt_tokens: count,
  cost_micro_usd: count,
  ttft_ms: milliseconds,
  total_ms: milliseconds,
  decode_tps: z.number().nullable(),
  timing: z.record(z.string(), z.number()).nullable().describe("Microseconds of each phase before the first content."),
  ended_at: z.iso.datetime().nullable(),
});

/** What everybody may see of an attempt who may see the request. */
const attemptFields = {
  attempt: z.int(),
  kind: z.enum(["first", "retry", "hedge"]),
  at: z.iso.datetime(),
  outcome: z.string().describe("selected, queued, no_provider, model_too_large or too_slow."),
  waited: z.boolean().describe("Whether the request had waited in line."),
  provider: word.describe("Pseudonym of the machine that was chosen."),
  words: z.array(z.string()).describe("The same in words."),
  considered: z.int(),
  candidates: z.int(),
  refusals: z.array(z.object({ reason: z.string(), machines: z.int(), words: z.string(), kind: z.string() })),
  predicted_ttft_ms: milliseconds,
  result: resultObject,
};

/** What the operator sees besides. */
const operatorFields = {
  cost: z
    .object({ total_ms: z.number(), terms: z.record(z.string(), z.number()) })
    .nullable()
    .describe("Why this machine: its cost, term by term; lower is better."),
  best_ttft_ms: milliseconds,
  tied: z.int().describe("How many were equal to the chosen one, itself included."),
  draw: z.number().nullable().describe("The dice that chose among them."),
  failed_open: z.boolean(),
  cost_profile: z.string(),
  runners_up: z.array(z.object({ provider: z.string(), total_ms: z.number(), ttft_ms: milliseconds })).nullable(),
  refused_machines: z.array(z.object({ provider: z.string(), reason: z.string(), words: z.string() })).nullable(),
  machine: z.unknown().describe("The chosen machine as it was; null for none."),
  shape: z.unknown(),
  audit: z.unknown().describe("What routing needs to decide again; null where it was not kept."),
};

export const ownAttempt = z.object(attemptFields);
export const operatorAttempt = z.object({ ...attemptFields, ...operatorFields });

const requestFields = {
  request_id: z.string(),
  client_request_id: z.string().describe("The `X-Request-ID` of the answer."),
  model: z.string(),
  build: z.string(),
  surface: z.string(),
  key_id: word,
  final_status: word,
  summary: z.string(),
};

export const ownDecision = z.object({ ...requestFields, attempts: z.array(ownAttempt) });
export const operatorDecision = z.object({ ...requestFields, attempts: z.array(operatorAttempt) });

/** One row of a list: an attempt with the request that it belongs to, without what takes much room. */
export const decisionRow = z.object({
  request_id: z.string(),
  client_request_id: z.string(),
  attempt: z.int(),
  kind: z.string(),
  at: z.iso.datetime(),
  surface: z.string(),
  model: z.string(),
  build: z.string(),
  key_id: word,
  outcome: z.string(),
  waited: z.boolean(),
  provider: word,
  considered: z.int(),
  candidates: z.int(),
  refusals: z.record(z.string(), z.int()),
  cost_ms: milliseconds,
  cost_terms: z.record(z.string(), z.number()),
  predicted_ttft_ms: milliseconds,
  best_ttft_ms: milliseconds,
  cost_profile: z.string(),
  shape: z.record(z.string(), z.unknown()),
  ...resultObject.shape,
});
export type DecisionRow = z.infer<typeof decisionRow>;

export const decisionList = z.object({
  object: z.literal("list"),
  data: z.array(decisionRow),
  next: word.describe("Give it as `after` for the rows that follow; null when there are none."),
});

export function ownAttemptOf(attempt: Attempted): z.infer<typeof ownAttempt> {
  const { decision } = attempt;
  return {
    attempt: attempt.attempt,
    kind: attempt.kind,
    at: attempt.at.toISOString(),
    outcome: attempt.outcome,
    waited: attempt.waited,
    provider: attempt.provider,
    words: attemptInWords({ ...attempt, runnersUp: null }),
    considered: decision.considered,
    candidates: decision.candidates,
    refusals: refusalsOf(attempt),
    predicted_ttft_ms: decision.winner?.ttft_ms ?? null,
    result: resultOf(attempt),
  };
}

export function operatorAttemptOf(attempt: Attempted): z.infer<typeof operatorAttempt> {
  const { decision } = attempt;
  const { winner } = decision;
  const words = new Map(refusalsOf(attempt).map((refusal) => [refusal.reason, refusal.words]));
  return {
    ...ownAttemptOf(attempt),
    words: attemptInWords(attempt),
    cost: winner === undefined ? null : { total_ms: winner.total_ms, terms: winner.terms },
    best_ttft_ms: decision.bestTtft_ms ?? null,
    tied: decision.tied ?? 0,
    draw: decision.draw ?? null,
    failed_open: decision.failedOpen,
    cost_profile: decision.costProfile,
    runners_up: attempt.runnersUp === null ? null : [...attempt.runnersUp],
    refused_machines: attempt.refused?.map((refused) => ({ ...refused, words: words.get(refused.reason) ?? refused.reason })) ?? null,
    machine: attempt.snapshot,
    shape: attempt.shape,
    audit: attempt.audit,
  };
}

/** The request that attempts belong to, with each of them. @param attempts of one request, oldest first; at least one */
export function requestOf<Shown>(attempts: readonly [Attempted, ...Attempted[]], show: (attempt: Attempted) => Shown) {
  const [first] = attempts;
  return {
    request_id: first.requestId,
    client_request_id: first.clientRequestId,
    model: first.publicModel,
    build: first.build,
    surface: first.surface,
    key_id: first.keyId,
    final_status: finalStatusOf(attempts),
    summary: requestInWords(attempts),
    attempts: attempts.map(show),
  };
}

export function rowOf(attempt: Attempted): DecisionRow {
  const { decision } = attempt;
  return {
    request_id: attempt.requestId,
    client_request_id: attempt.clientRequestId,
    attempt: attempt.attempt,
    kind: attempt.kind,
    at: attempt.at.toISOString(),
    surface: attempt.surface,
    model: attempt.publicModel,
    build: attempt.build,
    key_id: attempt.keyId,
    outcome: attempt.outcome,
    waited: attempt.waited,
    provider: attempt.provider,
    considered: decision.considered,
    candidates: decision.candidates,
    refusals: decision.refusals,
    cost_ms: decision.winner?.total_ms ?? null,
    cost_terms: decision.winner?.terms ?? {},
    predicted_ttft_ms: decision.winner?.ttft_ms ?? null,
    best_ttft_ms: decision.bestTtft_ms ?? null,
    cost_profile: decision.costProfile,
    shape: { ...attempt.shape },
    ...resultOf(attempt),
  };
}

function resultOf(attempt: Attempted): z.infer<typeof resultObject> {
  return {
    final_status: attempt.finalStatus,
    error_class: attempt.errorClass,
    error_reason: attempt.errorReason,
    client_outcome: attempt.clientOutcome,
    provider_outcome: attempt.providerOutcome,
    billing_outcome: attempt.billingOutcome,
    committed: attempt.committed ?? false,
    used_hedge: attempt.usedHedge ?? false,
    hedge_won: attempt.hedgeWon ?? false,
    prompt_tokens: attempt.prompt_tokens,
    completion_tokens: attempt.completion_tokens,
    reasoning_tokens: attempt.reasoning_tokens,
    cached_prompt_tokens: attempt.cachedPrompt_tokens,
    cost_micro_usd: attempt.cost_microUsd === null ? null : jsonAmount(attempt.cost_microUsd),
    ttft_ms: attempt.ttft_ms,
    total_ms: attempt.total_ms,
    decode_tps: attempt.decode_tps,
    timing: attempt.timing,
    ended_at: attempt.endedAt?.toISOString() ?? null,
  };
}

/** Of the attempt whose answer counted, else of the last. */
function finalStatusOf(attempts: readonly Attempted[]): string | null {
  return (attempts.find(({ committed }) => committed === true) ?? attempts.at(-1))?.finalStatus ?? null;
}
