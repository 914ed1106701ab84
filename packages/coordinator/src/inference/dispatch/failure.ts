import { ApiError } from "@umbel/dialects";
import { type FailureClass, type QueueRefusal, type RefusalCause, retryPolicy } from "@umbel/routing";
import type { ReleaseReason } from "../../ledger/index.js";
import { atCapacity } from "../admit/capacity-exists.js";
import type { PreparedRequest } from "../admit/check.js";

/** How one attempt failed before it showed any content. */
export interface AttemptFailure {
  readonly failure: FailureClass;
  readonly param?: string | undefined;
  readonly needed?: number | undefined;
  readonly available?: number | undefined;
}

/** Dispatch came to nothing: what the consumer is told, and why its hold is given back. */
export class DispatchFailed extends Error {
  override readonly name = "DispatchFailed";
  constructor(
    readonly refusal: ApiError,
    readonly reason: ReleaseReason,
  ) {
    super(refusal.message);
  }
}

/** Nobody is left to answer. */
export class ConsumerLeft extends Error {
  override readonly name = "ConsumerLeft";
}

/** The closed set of sentences for what went wrong on a machine; a provider's own words are never passed on. */
const SENTENCES: Readonly<Record<FailureClass, string>> = {
  client_request: "the request was refused as invalid",
  context_exceeded: "the request is longer than the model's context",
  capacity_kv: "no memory was free for the request",
  capacity_slots: "every place was taken",
  capacity_queue: "the queue was full",
  draining: "the provider was shutting down",
  not_loaded: "the model was not loaded",
  load_failed_memory: "the model did not fit into memory",
  load_failed_artifact: "the model's files could not be loaded",
  template_render: "the prompt could not be rendered",
  engine_crash: "the engine stopped unexpectedly",
  internal: "the provider failed",
  cancelled: "the request was cancelled",
  timeout: "no content arrived in time",
  send_failed: "the request could not be sent",
  disconnected: "the provider disconnected",
  unaffordable: "the balance or the key's limit is too low for the price of the providers that were free",
  protocol_violation: "provider returned invalid encrypted chunk",
};

/** What the consumer of a request is told, and how long it is to wait before the next. */
export interface ToldConsumer extends Pick<PreparedRequest, "publicName" | "spec"> {
  readonly retryAfter_s: number;
}

/**
 * A request that nobody answered, as its consumer is told of it. Sources: routing.md §8 and §10, api.md §15.
 *
 * @param failed what the last machine said of its failure, if it said anything
 */
export function refusalOf(
  cause: Exclude<RefusalCause, { type: "fault" }>,
  failed: AttemptFailure | undefined,
  told: ToldConsumer,
): DispatchFailed {
  switch (cause.type) {
    case "nobody":
      return new DispatchFailed(nobody(told), "no_provider");
    case "too_slow":
      return notServed("too_slow", told);
    case "deadline":
      return deadlinePassed("before an answer had begun");
    case "queue":
      return notServed(cause.reason, told);
    case "exhausted":
      return exhausted(failed ?? cause, cause.failures, told.retryAfter_s);
  }
}

function nobody({ publicName, retryAfter_s }: ToldConsumer): ApiError {
  return new ApiError({
    status: 503,
    code: "model_unavailable",
    message: `no provider for model "${publicName}" is available right now — retry after ${retryAfter_s}s`,
    retryAfter_s,
  });
}

/** Why a line did not serve a request, as the consumer is told. */
const TURNED_AWAY = {
  full: "queue is full",
  too_long: "the queue is longer than the request may wait",
  timeout: "queue timeout",
  too_slow: "none would answer in time",
} as const;

function notServed(reason: QueueRefusal, told: ToldConsumer): DispatchFailed {
  switch (reason) {
    case "nobody":
      return new DispatchFailed(nobody(told), "no_provider");
    case "deadline":
      return deadlinePassed("while it waited for capacity");
    case "full":
    case "too_long":
    case "timeout":
    case "too_slow":
      return new DispatchFailed(atCapacity(told.publicName, told.spec, TURNED_AWAY[reason], told.retryAfter_s), "queue_timeout");
  }
}

function deadlinePassed(when: string): DispatchFailed {
  return new DispatchFailed(
    new ApiError({ status: 504, code: "timeout", message: `the request's deadline passed ${when}` }),
    "caller_deadline",
  );
}

function exhausted(last: AttemptFailure, attempts: number, retryAfter_s: number): DispatchFailed {
  const { status, code } = retryPolicy(last.failure).exhausted ?? { status: 502, code: "provider_error" };
  const sentence = SENTENCES[last.failure];
  const counted = `after ${attempts} attempt${attempts === 1 ? "" : "s"}: ${sentence}`;
  switch (status) {
    case 400:
      return new DispatchFailed(callersFault(last, code, sentence), "provider_error");
    case 402:
      return new DispatchFailed(
        new ApiError({ status, code, type: "insufficient_funds", message: `${sentence} — add funds, raise the limit or lower max_tokens` }),
        "no_provider",
      );
    case 429:
      return new DispatchFailed(
        new ApiError({ status, code, message: `all providers at capacity ${counted}`, retryAfter_s }),
        "provider_error",
      );
    case 504:
      return new DispatchFailed(new ApiError({ status, code, message: `inference timed out ${counted}` }), "first_content_timeout");
    case 502:
      return new DispatchFailed(new ApiError({ status, code, message: `inference failed ${counted}` }), "provider_error");
  }
}

/** What the path of a parameter looks like. A provider's word, so anything else is not passed on. */
const PARAMETER_PATH = /^[a-z_][a-z0-9_.[\]]{0,99}$/i;

function callersFault({ failure, param, needed, available }: AttemptFailure, code: ApiError["code"], sentence: string): ApiError {
  const figures = needed === undefined || available === undefined ? "" : `: ${needed} tokens are needed, ${available} are there`;
  const path = failure === "context_exceeded" ? "messages" : param;
  if (path === undefined || !PARAMETER_PATH.test(path)) {
    return new ApiError({ status: 400, code, type: "invalid_request_error", message: `${sentence}${figures}` });
  }
  const message = failure === "client_request" ? `${path}: the model cannot do what it asks for` : `${sentence}${figures}`;
  return new ApiError({ status: 400, code, type: "invalid_request_error", message, param: path });
}
