import { ApiError, type ChatEvent } from "@umbel/dialects";
import { requestId } from "@umbel/protocol";
import { type RequestSpec, retryPolicy } from "@umbel/routing";
import type { Settings } from "../../config/index.js";
import type { Attempt } from "../../fleet/index.js";
import type { PreparedRequest } from "../admit/check.js";
import type { RetryAfter } from "../retry-after.js";
import { endOfAttempt } from "../settle/recorded.js";
import type { Stopwatch } from "../stopwatch.js";
import { type AcquireServices, acquireFirst, acquireNext } from "./acquire.js";
import { type AttemptFailure, ConsumerLeft, DispatchFailed, exhausted } from "./failure.js";
import { type FirstContent, firstContent } from "./first-content.js";
import { type OpenedAttempt, openAttempt } from "./opened-attempt.js";
import { type SealedRequest, sealRequest } from "./sealing.js";

/** However many machines there are, one request troubles so many at most. Source: routing.md §9. */
const ATTEMPTS_max = 64;

export interface DispatchServices extends AcquireServices {
  readonly settings: Pick<Settings, "firstContentBase_ms" | "firstContentPerToken_ms" | "loadingExtension_ms" | "contentBudget_ms">;
  /** Opaque scope of an account within which prefixes may be reused. */
  readonly cacheScope: (accountId: string, cacheKey?: string) => string;
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
  const { clock, settings, metrics, retryAfter, decisions } = services;
  const seeker = { publicName: request.publicName, gone, watch };
  const whole_ms = settings.firstContentBase_ms + settings.firstContentPerToken_ms * request.promptTokens;
  const tally = createTally();
  let { spec } = request;
  let sealed: SealedRequest | undefined;
  let last: AttemptFailure | undefined;
  // From the first attempt on: the wait in line has a limit of its own.
  let budgetEnd_ms = Number.POSITIVE_INFINITY;

  for (let number = 0; number < ATTEMPTS_max; number++) {
    const attempt = number === 0 ? await acquireFirst(spec, seeker, services) : acquireNext(spec, number, seeker, services);
    if (attempt === undefined) break;
    if (number === 0) budgetEnd_ms = clock.now_ms() + settings.contentBudget_ms;
    let won = false;
    try {
      if (gone.aborted) throw new ConsumerLeft("the consumer left before the request was sent");
      // The first attempt has its whole time; a later one at most what is left of the budget.
      const firstContent_ms = number === 0 ? whole_ms : Math.min(whole_ms, budgetEnd_ms - clock.now_ms());
      if (firstContent_ms <= 0) break;
      const stopSealing = watch.start("encrypt");
      sealed ??= await seal(request);
      stopSealing();
      const opening = { sealed, attempt, number, request, firstContent_ms };
      const { opened, result } = await tryOne(opening, services, gone, watch);
      metrics.count("inference_attempts_total", { outcome: result.outcome === "content" ? "content" : result.failure.failure });
      if (result.outcome === "content") {
        won = true;
        return { opened, batch: result.batch };
      }
      last = result.failure;
      decisions.attemptEnded(spec.requestId, number, endOfAttempt(last));
      budgetEnd_ms += result.loading_ms;
      if (!tally.mayRetry(last)) break;
      spec = without(spec, attempt, last);
    } finally {
      if (!won) giveUp(attempt);
    }
  }
  throw last === undefined
    ? new DispatchFailed(nobody(request, retryAfter), "no_provider")
    : exhausted(last, tally.failures, retryAfter.seconds(request.build.id));
}

async function tryOne(
  opening: {
    readonly sealed: SealedRequest;
    readonly attempt: Attempt;
    readonly number: number;
    readonly request: PreparedRequest;
    readonly firstContent_ms: number;
  },
  { clock, settings, cacheScope }: DispatchServices,
  gone: AbortSignal,
  watch: Stopwatch,
): Promise<{ readonly opened: OpenedAttempt; readonly result: FirstContent }> {
  const { sealed, attempt, number, request, firstContent_ms } = opening;
  const stopWrapping = watch.start("encrypt");
  const { message, createOpener } = await sealed.wrapFor(attempt.provider, {
    attempt: number,
    prompt_tokens_estimate: request.promptTokens,
    deadline_ms: Math.ceil(firstContent_ms),
    cache_scope: cacheScope(request.spec.accountId, request.input.routing?.cacheKey),
  });
  stopWrapping();
  const opened = openAttempt(attempt, createOpener);
  const send = async (): Promise<void> => {
    const stopSending = watch.start("dispatch");
    await attempt.send(message, sealed.ciphertext);
    stopSending();
  };
  const stopWaiting = watch.start("provider");
  const result = await firstContent(opened, send, { firstContent_ms, loading_ms: settings.loadingExtension_ms }, clock, gone);
  stopWaiting();
  return { opened, result };
}

function seal({ spec, maxOutputTokens, body }: PreparedRequest): Promise<SealedRequest> {
  return sealRequest({ requestId: requestId.parse(spec.requestId), build: spec.build, maxOutputTokens, body });
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
