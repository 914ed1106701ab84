import { type ChatRequest, type ChatUsage, chatRequest, type FinishReason } from "@umbel/dialects";
import {
  type Clock,
  EncodingError,
  EnvelopeError,
  type ErrorClass,
  fromUtf8,
  type InferenceAccepted,
  type InferenceRequest,
  toBase64,
  toHex,
  type Usage,
} from "@umbel/protocol";
import { nativeCrypto } from "@umbel/protocol/native";
import { ChatError, type ChatModel } from "../chat/index.js";
import type { Vault } from "../vault/vault.js";
import { type AnswerAccount, createAnswerAccount } from "./answer-account.js";
import type { Departures } from "./departures.js";
import { forEachBatch } from "./event-batches.js";
import { WORKER_LIMITS } from "./limits.js";
import type { CounterName, FromWorker } from "./pipe-messages.js";
import { RequestError, SealingError } from "./request-error.js";
import type { LoadProgress, ModelUse } from "./resident-models.js";
import { createSealedAnswer, type FrameSink, type SealedAnswer } from "./sealed-answer.js";

type Forwarded = Extract<FromWorker, { type: "forward" }>["message"];

export interface ServeOptions {
  readonly request: InferenceRequest;
  /** The sealed body once it is there; rejects with RequestError when it does not come, or is not what was announced. */
  readonly body: Promise<Uint8Array>;
  /** Brings the request's model into memory, if it is not there, and keeps it there until it is released. */
  readonly useModel: (onLoading: (progress: LoadProgress) => void) => Promise<ModelUse>;
  readonly vault: Vault;
  readonly clock: Clock;
  /** When chunks leave that wait for company; one for all requests. */
  readonly departures: Departures;
  readonly signal: AbortSignal;
  readonly sink: FrameSink;
  /** Sends a control message to the coordinator. */
  readonly forward: (message: Forwarded) => void;
  /** Something happened that is counted. */
  readonly counted: (what: CounterName) => void;
}

/** How a request ended, for the worker's counters. */
export type ServeOutcome =
  | { readonly type: "complete"; readonly usage: Usage }
  | { readonly type: "error"; readonly errorClass: ErrorClass };

/**
 * The whole life of one request in the worker: accept, open, run, seal, sign. Sends exactly one terminal, and never throws. Plaintext lives
 * only between opening and sealing.
 */
export async function serveRequest(options: ServeOptions): Promise<ServeOutcome> {
  const { request, vault, clock, forward } = options;
  const startedAt = clock.date();
  const start_ms = clock.now_ms();
  const responseNonce = vault.drawResponseNonce();
  const accepted = (phase: InferenceAccepted["phase"], load?: LoadProgress) => {
    forward({
      ...{ type: "inference_accepted", request_id: request.request_id, phase, response_nonce: toBase64(responseNonce) },
      ...(load !== undefined && { progress: load.progress }),
      ...(load?.eta_ms !== undefined && { eta_ms: load.eta_ms }),
    });
  };
  accepted("queued");
  // It loads while the body is on its way.
  let isLoading = false;
  const using = options.useModel((load) => {
    isLoading = true;
    accepted("loading", load);
  });
  using.then(
    () => {
      isLoading = false;
    },
    () => undefined,
  );
  const account = createAnswerAccount();
  try {
    const body = await options.body;
    const { plaintext, sealer } = await vault.openRequest(request, body, responseNonce);
    const chat = readChat(plaintext, request);
    const answer = createSealedAnswer(request.request_id, sealer, options.sink);
    const { model, weightHash } = await using;
    const { reason, usage } = await deliver(options, { model, chat, answer, account, accepted });
    const receipt = await vault.signReceipt({
      request_id: request.request_id,
      build_id: request.build_id,
      weight_hash: weightHash,
      usage,
      finish_reason: reason,
      chunks: answer.chunks,
      request_digest: toHex(nativeCrypto.sha256(body)),
      response_digest: answer.digest(),
      started_at: startedAt.toISOString(),
      // Not by the wall clock, which may have been set back meanwhile.
      finished_at: new Date(startedAt.getTime() + clock.now_ms() - start_ms).toISOString(),
    });
    if (reason === "cancelled") options.counted("cancelledAfterOutput");
    forward({ type: "inference_complete", request_id: request.request_id, usage, finish_reason: reason, chunks: answer.chunks, receipt });
    return { type: "complete", usage };
  } catch (error) {
    const failure = failureOf(error, options.signal);
    if (failure.errorClass === "cancelled") {
      options.counted("cancelledBeforeOutput");
      if (isLoading) options.counted("cancelledWhileLoading");
    } else if (account.hasContent) options.counted("errorsAfterOutput");
    if (error instanceof SealingError) options.counted("sealingErrors");
    forward({ type: "inference_error", request_id: request.request_id, error_class: failure.errorClass, ...failure.detail });
    return { type: "error", errorClass: failure.errorClass };
  } finally {
    void using.then(
      (use) => use.release(),
      () => undefined,
    );
  }
}

/** Reads the opened body, wipes it, and holds it against what the coordinator was told in clear. */
function readChat(plaintext: Uint8Array, request: InferenceRequest): ChatRequest {
  let value: unknown;
  try {
    value = JSON.parse(fromUtf8(plaintext));
  } catch {
    throw new RequestError("client_request");
  } finally {
    plaintext.fill(0);
  }
  const parsed = chatRequest.safeParse(value);
  if (!parsed.success) throw new RequestError("client_request");
  const chat = parsed.data;
  if (chat.model !== request.build_id) throw new RequestError("client_request", { param: "model" });
  if ((chat.maxOutputTokens ?? 0) > request.max_output_tokens) throw new RequestError("client_request", { param: "maxOutputTokens" });
  return chat;
}

/** Runs the model and sends what it says. A cancelled answer that has content ends like any other, with what was delivered. */
async function deliver(
  options: ServeOptions,
  run: {
    readonly model: ChatModel;
    readonly chat: ChatRequest;
    readonly answer: SealedAnswer;
    readonly account: AnswerAccount;
    readonly accepted: (phase: InferenceAccepted["phase"]) => void;
  },
): Promise<{ readonly reason: FinishReason; readonly usage: Usage }> {
  const { request, signal } = options;
  const { model, chat, answer, account, accepted } = run;
  const events = model.run(chat, {
    requestId: request.request_id,
    cacheScope: request.cache_scope,
    outputTokens_max: request.max_output_tokens,
    reasoningParser: request.reasoning_parser,
    signal,
    onPhase: accepted,
  });
  try {
    const { clock, departures } = options;
    const batches = { size_max: WORKER_LIMITS.chunkEvents_max, gap_ms: WORKER_LIMITS.chunkGap_ms, clock, departures };
    await forEachBatch(events, batches, (batch) => {
      for (const event of batch) account.add(event);
      if (account.finish?.reason === "cancelled" && !account.hasContent) throw new RequestError("cancelled");
      return answer.write(batch, account.finish === undefined ? "more" : "final");
    });
  } catch (error) {
    if (failureOf(error, signal).errorClass !== "cancelled" || !account.hasContent || account.finish !== undefined) throw error;
    options.counted("usageMissing");
    const finish = { type: "finish", reason: "cancelled", usage: account.usage() } as const;
    account.add(finish);
    await answer.write([finish], "final");
  }
  if (account.finish === undefined) {
    options.counted("endsMissing");
    throw new RequestError("internal");
  }
  return { reason: account.finish.reason, usage: wireUsage(account.finish.usage) };
}

function wireUsage(usage: ChatUsage): Usage {
  return {
    prompt_tokens: usage.promptTokens,
    completion_tokens: usage.completionTokens,
    reasoning_tokens: usage.reasoningTokens,
    cached_prompt_tokens: usage.cachedPromptTokens,
  };
}

/** Everything that is not known to be somebody else's fault is ours. */
function failureOf(error: unknown, signal: AbortSignal): Pick<RequestError, "errorClass" | "detail"> {
  if (signal.aborted) return { errorClass: "cancelled", detail: {} };
  if (error instanceof RequestError) return error;
  if (error instanceof EnvelopeError || error instanceof EncodingError) return { errorClass: "client_request", detail: {} };
  if (error instanceof ChatError) {
    const { errorClass, param, needed, available } = error;
    return {
      errorClass,
      detail: {
        ...(param !== undefined && { param }),
        ...(needed !== undefined && { needed }),
        ...(available !== undefined && { available }),
      },
    };
  }
  return { errorClass: "internal", detail: {} };
}
