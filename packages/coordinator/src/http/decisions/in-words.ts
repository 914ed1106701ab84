import { explainDecision, explainRefusal } from "@umbel/routing";
import type { Attempted } from "../../insight/index.js";

/** Statements about one attempt, in the order in which things happened. Ids, numbers and closed words only. */
export function attemptInWords(attempt: Attempted): string[] {
  return [...selectionInWords(attempt), ...endInWords(attempt)];
}

/** One statement about a whole request: where it went, and what came of it. */
export function requestInWords(attempts: readonly Attempted[]): string {
  const last = answered(attempts) ?? attempts.at(-1);
  if (last === undefined) return "nothing is known of this request";
  const { finalStatus, provider } = last;
  const tries = attempts.length === 1 ? "at the first attempt" : `after ${attempts.length} attempts`;
  if (finalStatus === null) return provider === null ? "the request still waits for a machine" : `the request is with ${provider}`;
  if (finalStatus === "success") return `${provider ?? "a machine"} answered ${tries}${timesInWords(last)}`;
  const why = last.errorClass === null ? "" : `: ${ERROR_WORDS[last.errorClass] ?? last.errorClass}`;
  return `${STATUS_WORDS[finalStatus] ?? finalStatus} ${tries}${why}`;
}

/** The attempt whose answer the consumer got, or began to get. */
export function answered(attempts: readonly Attempted[]): Attempted | undefined {
  return attempts.find(({ committed }) => committed === true);
}

const KIND_WORDS: Readonly<Record<Attempted["kind"], string>> = {
  first: "first attempt",
  retry: "next attempt, after the one before had failed",
  hedge: "second machine asked at the same time, because the first was slow to begin",
};

const STATUS_WORDS: Readonly<Record<string, string>> = {
  partial_success: "the answer broke off",
  cancelled: "the consumer left",
  error: "nobody answered",
  timeout: "nobody answered in time",
};

const ERROR_WORDS: Readonly<Record<string, string>> = {
  client_gone_before_response: "the consumer left before anything had arrived",
  client_gone_after_commit: "the consumer left during the answer",
  slow_consumer: "the consumer read too slowly",
  provider_error_before_response: "the machine reported a failure before it had answered anything",
  provider_error_after_commit: "the machine failed during the answer",
  provider_disconnect_before_response: "the machine disconnected before it had answered anything",
  stream_timeout_after_commit: "the machine fell silent during the answer",
  no_terminal_after_cancel: "the machine never accounted for what it had done",
  queue_timeout: "no place became free while the request waited",
  caller_deadline: "the time that the consumer had set was over",
  first_chunk_timeout: "no content arrived in time",
  no_provider: "no machine could serve the request",
  hedge_loser: "another machine was faster",
  internal_error: "the coordinator failed",
};

/** What a machine or the wire to it reported. */
const REASON_WORDS: Readonly<Record<string, string>> = {
  client_request: "it found the request invalid",
  context_exceeded: "the request is longer than the model's context",
  capacity_kv: "it had no memory free for the request",
  capacity_slots: "every place on it was taken",
  capacity_queue: "its queue was full",
  draining: "it was shutting down",
  not_loaded: "it did not have the model loaded",
  load_failed_memory: "the model did not fit into its memory",
  load_failed_artifact: "it could not load the model's files",
  template_render: "it could not render the prompt",
  engine_crash: "its engine stopped unexpectedly",
  internal: "it failed",
  cancelled: "it was told to stop",
  timeout: "it sent no content in time",
  send_failed: "the request could not be sent to it",
  disconnected: "it disconnected",
  protocol_violation: "it broke the protocol",
};

function selectionInWords({ kind, waited, decision, runnersUp, outcome }: Attempted): string[] {
  const line = outcome === "queued" ? ["no place was free, so the request was put in line"] : [];
  const place = waited ? ["the request had waited in line before"] : [];
  return [KIND_WORDS[kind], ...place, ...explainDecision(decision), ...line, ...runnersUpInWords(runnersUp)];
}

function runnersUpInWords(runnersUp: Attempted["runnersUp"]): string[] {
  if (runnersUp === null || runnersUp.length === 0) return [];
  return ["next would have been:", ...runnersUp.map(({ provider, total_ms }) => `  ${provider} at ${seconds(total_ms)}`)];
}

function endInWords(attempt: Attempted): string[] {
  const { finalStatus, errorClass, errorReason, provider, clientOutcome, billingOutcome, decision, ttft_ms } = attempt;
  if (finalStatus === null) return provider === null ? [] : ["it has not ended yet"];
  if (finalStatus === "success") {
    const guess = decision.winner?.ttft_ms;
    const expected = guess === undefined || ttft_ms === null ? [] : [`the first token was expected after ${seconds(guess)}`];
    return [`it answered${timesInWords(attempt)}`, ...expected, ...billingInWords(billingOutcome)];
  }
  const why = errorClass === null ? finalStatus : (ERROR_WORDS[errorClass] ?? errorClass);
  const reported = errorReason === null ? "" : ` (${errorReason}: ${REASON_WORDS[errorReason] ?? "no more is known"})`;
  const consumer = clientOutcome === "unaware" ? ["the consumer did not notice: another machine was asked"] : [];
  return [`${why}${reported}`, ...consumer, ...billingInWords(billingOutcome)];
}

function billingInWords(billing: Attempted["billingOutcome"]): string[] {
  switch (billing) {
    case "charged":
      return ["what was delivered has been charged"];
    case "free":
      return ["nothing was charged: the machine is the consumer's own"];
    case "released":
      return ["nothing was charged"];
    case "pending":
      return ["the charge had not been booked when the answer ended"];
    case null:
      return [];
  }
}

function timesInWords({ ttft_ms, total_ms, completion_tokens }: Attempted): string {
  const parts = [
    ttft_ms === null ? [] : [`first token after ${seconds(ttft_ms)}`],
    completion_tokens === null ? [] : [`${completion_tokens} tokens`],
    total_ms === null ? [] : [`${seconds(total_ms)} in all`],
  ].flat();
  return parts.length === 0 ? "" : ` (${parts.join(", ")})`;
}

/** What refused how many machines, most first. */
export function refusalsOf({ decision }: Pick<Attempted, "decision">) {
  return Object.entries(decision.refusals)
    .map(([reason, machines]) => ({ reason, machines, ...explainRefusal(reason as keyof typeof decision.refusals) }))
    .sort((one, other) => other.machines - one.machines);
}

function seconds(duration_ms: number): string {
  return `${(duration_ms / 1000).toFixed(2)} s`;
}
