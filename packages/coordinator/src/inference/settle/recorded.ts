import type { Clock } from "@umbel/protocol";
import type { FailureClass } from "@umbel/routing";
import type { DecisionEnd, DecisionRecorder, RequestFacts } from "../../insight/index.js";
import type { ReleaseReason, Settlement, SettleOutcome } from "../../ledger/index.js";
import type { PreparedRequest } from "../admit/check.js";
import type { Hold } from "./hold.js";

/** What a decision's record says of the end of an answer that had begun, by how it was settled. Source: ops.md §3.1. */
const ANSWERED: Readonly<Record<Settlement["reason"], DecisionEnd>> = {
  complete: { finalStatus: "success", clientOutcome: "answered", providerOutcome: "completed" },
  cancelled: {
    finalStatus: "partial_success",
    errorClass: "client_gone_after_commit",
    clientOutcome: "left",
    providerOutcome: "cancelled",
  },
  slow_consumer: { finalStatus: "partial_success", errorClass: "slow_consumer", clientOutcome: "cut_short", providerOutcome: "cancelled" },
  provider_lost: {
    finalStatus: "partial_success",
    errorClass: "provider_error_after_commit",
    clientOutcome: "cut_short",
    providerOutcome: "failed",
  },
  timeout: {
    finalStatus: "partial_success",
    errorClass: "stream_timeout_after_commit",
    clientOutcome: "cut_short",
    providerOutcome: "timed_out",
  },
  no_terminal_after_cancel: {
    finalStatus: "partial_success",
    errorClass: "no_terminal_after_cancel",
    clientOutcome: "left",
    providerOutcome: "silent",
  },
};

/** The same of a request that nobody answered, by why its money was given back. */
const UNANSWERED: Readonly<Record<ReleaseReason, DecisionEnd>> = {
  client_gone: { finalStatus: "cancelled", errorClass: "client_gone_before_response", clientOutcome: "left" },
  no_provider: { finalStatus: "error", errorClass: "no_provider", clientOutcome: "refused" },
  queue_timeout: { finalStatus: "timeout", errorClass: "queue_timeout", clientOutcome: "refused" },
  caller_deadline: { finalStatus: "timeout", errorClass: "caller_deadline", clientOutcome: "refused" },
  first_content_timeout: { finalStatus: "timeout", errorClass: "first_chunk_timeout", clientOutcome: "refused" },
  provider_error: { finalStatus: "error", errorClass: "provider_error_before_response", clientOutcome: "refused" },
  no_terminal_after_cancel: { finalStatus: "partial_success", errorClass: "no_terminal_after_cancel", clientOutcome: "left" },
  internal_error: { finalStatus: "error", errorClass: "internal_error", clientOutcome: "refused" },
  coordinator_crash: { finalStatus: "error", errorClass: "internal_error", clientOutcome: "cut_short" },
};

/** What a record says of a machine that was given up because the other one spoke first. */
export const HEDGE_LOST: DecisionEnd = {
  finalStatus: "cancelled",
  errorClass: "hedge_loser",
  clientOutcome: "unaware",
  providerOutcome: "cancelled",
  usedHedge: true,
  hedgeWon: false,
};

/** What a record says of an attempt that failed while another one could still follow. */
export function endOfAttempt(failure: FailureClass): DecisionEnd {
  const shared = { errorReason: failure, clientOutcome: "unaware" } as const;
  if (failure === "timeout") return { ...shared, finalStatus: "timeout", errorClass: "first_chunk_timeout", providerOutcome: "timed_out" };
  if (failure === "disconnected") {
    return { ...shared, finalStatus: "error", errorClass: "provider_disconnect_before_response", providerOutcome: "disconnected" };
  }
  return { ...shared, finalStatus: "error", errorClass: "provider_error_before_response", providerOutcome: "failed" };
}

/** How an answer began. */
export interface BegunAnswer {
  /** Number of the attempt that answers. */
  readonly attempt: number;
  /** Absent where only one machine was asked. */
  readonly hedgeWon?: boolean;
  readonly timing: Readonly<Record<string, number>>;
  readonly billed: boolean;
}

/** Follows one request from its dispatch to the end of its money, for the record of its decisions. */
export interface RequestRecord {
  /** The hold of an answer that has begun; its end ends the record. */
  following(hold: Hold, begun: BegunAnswer): Hold;
  /** Nobody answers. */
  failed(reason: ReleaseReason): void;
}

export function createRequestRecord(
  request: PreparedRequest,
  { decisions, clock }: { readonly decisions: DecisionRecorder; readonly clock: Clock },
): RequestRecord {
  const { requestId } = request.input;
  const start_ms = clock.now_ms();
  decisions.begin(factsOf(request));
  return {
    following(hold, { attempt, hedgeWon, timing, billed }) {
      const first_ms = clock.now_ms();
      return {
        ...hold,
        settle(settlement) {
          const end_ms = clock.now_ms();
          const posted = hold.settle(settlement);
          const { usage, reason } = settlement;
          const hedge = hedgeWon === undefined ? {} : { usedHedge: true, hedgeWon };
          const took = { ttft_ms: first_ms - start_ms, total_ms: end_ms - start_ms, timing };
          void posted.then(inTheEnd).then((outcome) =>
            decisions.ended(
              requestId,
              {
                ...ANSWERED[reason],
                ...billing(outcome, billed),
                ...took,
                ...hedge,
                committed: true,
                prompt_tokens: usage.prompt_tokens,
                completion_tokens: usage.completion_tokens,
                reasoning_tokens: usage.reasoning_tokens,
                cachedPrompt_tokens: usage.cached_prompt_tokens,
                ...(end_ms > first_ms
                  ? { decode_tps: Math.min(DECODE_TPS_max, (usage.completion_tokens * 1_000) / (end_ms - first_ms)) }
                  : {}),
              },
              attempt,
            ),
          );
          return posted;
        },
      };
    },
    failed: (reason) =>
      decisions.ended(requestId, { ...UNANSWERED[reason], billingOutcome: "released", total_ms: clock.now_ms() - start_ms }),
  };
}

/** Answers of a few tokens that come at once say nothing of a rate. Source: routing.md §18. */
const DECODE_TPS_max = 10_000;

/** A record says what was charged, also where the consumer was not made to wait for it. */
async function inTheEnd(outcome: SettleOutcome): Promise<SettleOutcome> {
  return outcome.state === "pending" && outcome.afterwards !== undefined ? outcome.afterwards : outcome;
}

function billing(outcome: SettleOutcome, billed: boolean): DecisionEnd {
  if (!billed) return { billingOutcome: "free" };
  switch (outcome.state) {
    case "settled":
      return { billingOutcome: "charged", cost_microUsd: outcome.cost_microUsd };
    case "released":
      return { billingOutcome: "released" };
    case "pending":
      return { billingOutcome: "pending" };
  }
}

function factsOf({ input, publicName, build, spec }: PreparedRequest): RequestFacts {
  return {
    requestId: input.requestId,
    clientRequestId: input.origin?.clientRequestId ?? input.requestId,
    accountId: input.principal.accountId,
    keyId: input.principal.key?.id,
    surface: input.origin?.surface ?? "",
    publicModel: publicName,
    build: build.id,
    shape: {
      prompt_tokens: spec.promptTokens,
      max_output_tokens: spec.maxOutputTokens,
      choices: spec.choices ?? 1,
      tools: spec.needsTools,
      vision: spec.needsVision,
      stream: input.stream,
      route: spec.route,
    },
  };
}
