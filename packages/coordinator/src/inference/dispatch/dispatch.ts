import { ApiError, type ChatEvent } from "@umbel/dialects";
import { type Clock, requestId } from "@umbel/protocol";
import { type Decision, type RequestSpec, retryPolicy } from "@umbel/routing";
import type { Settings } from "../../config/index.js";
import type { Attempt, Fleet, ReserveOutcome } from "../../fleet/index.js";
import type { DecisionLog, Metrics } from "../../insight/index.js";
import { atCapacity, isWorthWaiting } from "../admit/capacity-exists.js";
import type { PreparedRequest } from "../admit/check.js";
import type { RetryAfter } from "../retry-after.js";
import type { Stopwatch } from "../stopwatch.js";
import { type AttemptFailure, ConsumerLeft, DispatchFailed, exhausted } from "./failure.js";
import { firstContent } from "./first-content.js";
import { type OpenedAttempt, openAttempt } from "./opened-attempt.js";
import { type SealedRequest, sealRequest } from "./sealing.js";
import type { WaitQueues } from "./wait-queues.js";

/** However many machines there are, one request troubles so many at most. Source: routing.md §9. */
const ATTEMPTS_max = 64;

export interface DispatchServices {
  readonly fleet: Pick<Fleet, "reserve">;
  readonly queues: WaitQueues;
  readonly retryAfter: RetryAfter;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly decisions: DecisionLog;
  readonly settings: Pick<Settings, "firstContentBase_ms" | "firstContentPerToken_ms" | "loadingExtension_ms" | "contentBudget_ms">;
  /** Opaque scope of an account within which prefixes may be reused. */
  readonly cacheScope: (accountId: string) => string;
}

/** An attempt that has begun to answer. Whoever holds it releases it. */
export interface Dispatched {
  readonly opened: OpenedAttempt;
  /** Everything up to and including the first content. */
  readonly batch: readonly ChatEvent[];
}

/**
 * Finds a provider that begins to answer. Attempts that fail before their first content are invisible to the consumer: the next machine is
 * tried, within the budgets of `retryPolicy` and of the settings. Every attempt that does not win is released here.
 *
 * @throws DispatchFailed when nobody answers. @throws ConsumerLeft
 */
export async function dispatch(
  request: PreparedRequest,
  services: DispatchServices,
  gone: AbortSignal,
  watch: Stopwatch,
): Promise<Dispatched> {
  const { clock, settings, metrics } = services;
  const firstContent_ms = settings.firstContentBase_ms + settings.firstContentPerToken_ms * request.promptTokens;
  const tally = createTally();
  let spec = request.spec;
  let sealed: SealedRequest | undefined;
  let budgetEnd_ms: number | undefined;
  let last: AttemptFailure | undefined;

  for (let number = 0; number < ATTEMPTS_max; number++) {
    const attempt = await reserve(number);
    if (attempt === undefined) break;
    let won = false;
    try {
      const now_ms = clock.now_ms();
      budgetEnd_ms ??= now_ms + settings.contentBudget_ms;
      // The first attempt has its whole time; later ones what is left of the budget.
      const left_ms = number === 0 ? firstContent_ms : Math.min(firstContent_ms, budgetEnd_ms - now_ms);
      if (left_ms <= 0) break;
      const result = await tryOne(attempt, number, left_ms);
      if (result.outcome === "content") {
        won = true;
        metrics.count("inference_attempts_total", { outcome: "content" });
        return { opened: result.opened, batch: result.batch };
      }
      last = result.failure;
      metrics.count("inference_attempts_total", { outcome: last.failure });
      budgetEnd_ms += result.loading_ms;
      if (!tally.mayRetry(last)) break;
      spec = without(spec, attempt, last);
    } finally {
      if (!won) giveUp(attempt);
    }
  }
  throw last === undefined
    ? new DispatchFailed(nobody(request, services.retryAfter), "no_provider")
    : exhausted(last, tally.failures, services.retryAfter.seconds(request.build.id));

  /** Undefined when no machine is left to try. The first attempt may wait in line. */
  async function reserve(number: number): Promise<Attempt | undefined> {
    const stop = watch.start("route");
    const outcome = number === 0 ? services.queues.reserve(spec) : services.fleet.reserve(spec);
    stop();
    if (outcome !== undefined) note(number, outcome);
    if (outcome?.ok === true) return outcome.attempt;
    if (number > 0 || (outcome !== undefined && !isWorthWaiting(outcome.decision))) return undefined;
    return waitInLine(number);
  }

  async function waitInLine(number: number): Promise<Attempt> {
    const stop = watch.start("queue");
    const waited = await services.queues.wait(spec, gone);
    stop();
    metrics.count("queue_waits_total", { outcome: waited.outcome });
    if (waited.outcome === "reserved") {
      note(number, { ok: true, attempt: waited.attempt });
      return waited.attempt;
    }
    if (waited.outcome === "gone") throw new ConsumerLeft("the consumer left while waiting for capacity");
    const detail = waited.outcome === "full" ? "queue is full" : "queue timeout";
    throw new DispatchFailed(atCapacity(request.publicName, detail, services.retryAfter.seconds(request.build.id)), "queue_timeout");
  }

  function note(number: number, outcome: ReserveOutcome): void {
    const decision: Decision = outcome.ok ? outcome.attempt.decision : outcome.decision;
    services.decisions.record({ requestId: spec.requestId, attempt: number, at: clock.date(), build: spec.build, decision });
  }

  async function tryOne(attempt: Attempt, number: number, left_ms: number) {
    if (gone.aborted) throw new ConsumerLeft("the consumer left before the request was sent");
    const stopSealing = watch.start("encrypt");
    sealed ??= await sealRequest({
      requestId: requestId.parse(spec.requestId),
      build: spec.build,
      maxOutputTokens: request.maxOutputTokens,
      body: request.body,
    });
    const { ciphertext } = sealed;
    const { message, createOpener } = await sealed.wrapFor(attempt.provider, {
      attempt: number,
      prompt_tokens_estimate: request.promptTokens,
      deadline_ms: Math.ceil(left_ms),
      cache_scope: services.cacheScope(spec.accountId),
    });
    stopSealing();
    const opened = openAttempt(attempt, createOpener);
    const send = async (): Promise<void> => {
      const stopSending = watch.start("dispatch");
      await attempt.send(message, ciphertext);
      stopSending();
    };
    const stopWaiting = watch.start("provider");
    const limits = { firstContent_ms: left_ms, loading_ms: settings.loadingExtension_ms };
    const result = await firstContent(opened, send, limits, clock, gone);
    stopWaiting();
    return { ...result, opened };
  }
}

/** Counts failures against what their kind allows. Kinds that end in the same answer share one allowance. */
function createTally() {
  const byStatus = new Map<number | undefined, number>();
  let failures = 0;
  return {
    get failures() {
      return failures;
    },
    mayRetry({ failure }: AttemptFailure): boolean {
      const policy = retryPolicy(failure);
      const status = policy.exhausted?.status;
      const count = (byStatus.get(status) ?? 0) + 1;
      byStatus.set(status, count);
      failures += 1;
      return policy.retryElsewhere && count < policy.failures_max;
    },
  };
}

function without(spec: RequestSpec, { provider }: Attempt, { failure }: AttemptFailure): RequestSpec {
  const avoidVersion = retryPolicy(failure).avoidVersion ? provider.version : spec.avoidVersion;
  return { ...spec, excluded: new Set([...spec.excluded, provider.machineId]), avoidVersion };
}

function giveUp(attempt: Attempt): void {
  attempt.cancel();
  attempt.release();
}

function nobody(request: PreparedRequest, retryAfter: RetryAfter): ApiError {
  const retryAfter_s = retryAfter.seconds(request.build.id);
  return new ApiError({
    status: 503,
    code: "model_unavailable",
    message: `no provider for model "${request.publicName}" is available right now — retry after ${retryAfter_s}s`,
    retryAfter_s,
  });
}
