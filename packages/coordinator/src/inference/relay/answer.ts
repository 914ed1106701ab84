import { ApiError, type ChatEvent } from "@umbel/dialects";
import type { Clock } from "@umbel/protocol";
import type { DispatchEffect } from "@umbel/routing";
import type { Catalog } from "../../catalog/index.js";
import type { Fleet, ServingProvider } from "../../fleet/index.js";
import type { Metrics, ServedPlaces } from "../../insight/index.js";
import type { SettleOutcome } from "../../ledger/index.js";
import type { PreparedRequest } from "../admit/check.js";
import { notInCatalog } from "../admit/not-in-catalog.js";
import type { KnownPrefix } from "../affinity/affinity.js";
import { type DispatchSettings, dispatchInput } from "../dispatch/dispatch-input.js";
import { ConsumerLeft, DispatchFailed, refusalOf } from "../dispatch/failure.js";
import { type CacheScope, createOpening } from "../dispatch/opening.js";
import type { PlaceServices } from "../dispatch/places.js";
import { affordable } from "../dispatch/racer-run.js";
import { type DriverOwner, type Pulled, RequestDriver } from "../dispatch/request-driver.js";
import type { RetryAfter } from "../retry-after.js";
import { givingBack, type Hold } from "../settle/hold.js";
import { endOfAttempt, HEDGE_LOST, type RequestRecord } from "../settle/recorded.js";
import type { Stopwatch } from "../stopwatch.js";
import type { Answer, TakenTokens } from "../types.js";
import { within } from "../within.js";
import { attemptEnds } from "./attempt-ends.js";
import { chatUsageOf, createDeliveredCount } from "./delivered.js";

/** How long an answer's end waits for its settlement. Source: money.md §10. */
export const SETTLEMENT_WAIT_ms = 2_000;
/** How long a cancel waits for the hold to be parked. */
const PARK_WAIT_ms = 1_000;

export interface AnswerServices extends PlaceServices {
  readonly fleet: Pick<Fleet, "reserve" | "rates" | "noticed">;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly settings: DispatchSettings;
  readonly retryAfter: RetryAfter;
  readonly cacheScope: CacheScope;
  readonly places: Pick<ServedPlaces, "served">;
  readonly catalog: Pick<Catalog, "aliases" | "builds" | "build">;
}

export interface AnswerParts {
  readonly request: PreparedRequest;
  readonly hold: Hold;
  /** What the request took of its caller's limits; ends with the money. */
  readonly taken: TakenTokens;
  readonly record: RequestRecord;
  /** Told who holds the prompt now, and whether its beginning was cached. */
  readonly prefix: Pick<KnownPrefix, "served" | "settled">;
  readonly watch: Stopwatch;
}

type Complete = Extract<Pulled, { type: "complete" }>;
type Finish = Extract<ChatEvent, { type: "finish" }>;

/**
 * Dispatches a request whose money is held, and relays its answer to the end: completion, a provider that breaks off, a consumer that leaves,
 * silence. Routing's reducer decides; here its decisions meet the consumer and the money. Once the answer has begun the hold is settled here,
 * exactly once; before that hold and limits are the caller's to end.
 *
 * `finish` is held back until the provider has accounted for the answer, so that the usage shown is the usage settled.
 *
 * @returns when the first content is there; to a consumer who does not stream, when the whole answer is
 * @throws DispatchFailed when nobody answers. @throws ConsumerLeft. @throws CutShort only to a consumer who does not stream
 */
export function beginAnswer({ request, hold, taken, record, prefix, watch }: AnswerParts, services: AnswerServices): Promise<Answer> {
  const { clock, metrics, retryAfter } = services;
  const { spec, input } = request;
  const begun = deferred<Begun>();
  const settled = deferred<Promise<SettleOutcome>>();
  const settlement = settled.promise.then((outcome) => outcome);
  let delivered = createDeliveredCount();
  const asked_ms = clock.now_ms();
  const stopWaiting = watch.start("provider");
  let due = hold;
  let hedgeWon: boolean | undefined;
  let brokenOff: ApiError | undefined;
  let receipt: string | undefined;
  let finish: Finish | undefined;

  const owner: DriverOwner = {
    begun(winner, attempt) {
      stopWaiting();
      metrics.count("inference_attempts_total", { outcome: "content" });
      // One of the account's own machines, of whoever asked for it; judged by the connection that served.
      const isOwn = spec.route !== "public" && winner.provider.accountId === spec.accountId;
      const began = { attempt, timing: watch.timing(), billed: !isOwn && hold.billed };
      due = record.following(givingBack(hold, taken), {
        ...began,
        ...(hedgeWon === undefined ? {} : { hedgeWon }),
      });
      prefix.served(winner.provider.machineId);
      metrics.observe("first_content_ms", { model: spec.build }, clock.now_ms() - asked_ms);
      if (input.stream) begun.resolve({ provider: winner.provider });
      else void readWhole(winner.provider);
    },
    restarted() {
      delivered = createDeliveredCount();
      finish = undefined;
      hedgeWon = undefined;
    },
    refused({ cause }, failed, fault) {
      if (cause.type === "fault") return begun.reject(fault);
      // Whatever it has waited for: of a build that was retired meanwhile nobody is to be asked again.
      if (services.catalog.build(spec.build) === undefined)
        return begun.reject(new DispatchFailed(notInCatalog(request.publicName, services.catalog), "no_provider"));
      begun.reject(refusalOf(cause, failed?.failure, { ...request, retryAfter_s: retryAfter.seconds(spec.build) }));
    },
    abandoned: () => begun.reject(new ConsumerLeft("the consumer left before the first content")),
    park: () => within(due.park(), PARK_WAIT_ms, clock).then(() => undefined),
    settle({ reason, racer: attempt }, { provider }, usage = delivered.usage()) {
      const { sessionId, machineId, accountId } = provider;
      prefix.settled(usage.cached_prompt_tokens);
      if (delivered.isLess(usage.completion_tokens)) metrics.count("billing_usage_suspicious_total", { model: spec.build });
      // What a machine does for its own owner is nobody else's business.
      if (provider.location !== undefined && accountId !== spec.accountId) services.places.served(input.country, provider.location);
      const posted = due.settle({ usage, attempt, servedBy: { sessionId, machineId, accountId }, reason });
      settled.resolve(
        within(posted, SETTLEMENT_WAIT_ms, clock).then((outcome) => {
          if (outcome !== undefined && outcome.state !== "pending") return outcome;
          metrics.count("billing_pending_total", {});
          return { state: "pending" };
        }),
      );
    },
    brokenOff(effect, fault) {
      brokenOff = WORDS[effect.cause](fault);
    },
    noted(event, effects) {
      for (const end of attemptEnds(event, effects)) {
        hold.abandon(end.racer);
        if (end.failure === undefined) hedgeWon = end.winner > end.racer;
        if (end.failure === undefined) metrics.count("hedges_total", { outcome: hedgeWon === true ? "won" : "lost" });
        else metrics.count("inference_attempts_total", { outcome: end.failure });
        if (end.failure === undefined && hedgeWon === true) services.fleet.noticed({ type: "hedge_won", build: spec.build });
        services.decisions.attemptEnded(spec.requestId, end.racer, end.failure === undefined ? HEDGE_LOST : endOfAttempt(end.failure));
      }
    },
  };

  const driver = new RequestDriver(
    spec,
    dispatchInput(request, services.settings, services.fleet),
    affordable(createOpening(request, services.cacheScope, watch), hold),
    owner,
    services,
    watch,
    input.consumerGone,
  );

  function complete({ message, receiptValid }: Complete): ChatEvent[] {
    // An account that the provider did not sign for this answer is not believed; what was relayed is.
    const usage = receiptValid ? message.usage : delivered.usage();
    if (receiptValid) receipt = message.receipt;
    return [{ type: "finish", reason: message.finish_reason, ...finish, usage: chatUsageOf(usage) }];
  }

  function shown(events: readonly ChatEvent[]): readonly ChatEvent[] {
    delivered.add(events);
    finish ??= events.find((event) => event.type === "finish");
    return finish === undefined ? events : events.filter((event) => event.type !== "finish");
  }

  /** The consumer sees the answer once it is there, and so nothing of one that has to begin anew. */
  async function readWhole(provider: ServingProvider): Promise<void> {
    const events: ChatEvent[] = [];
    let pulled = await driver.next();
    for (; pulled.type === "events"; pulled = await driver.next()) events.push(...shown(pulled.events));
    if (pulled.type === "complete") begun.resolve({ provider, whole: [...events, ...complete(pulled)] });
    else if (brokenOff !== undefined || input.consumerGone.aborted) begun.reject(new CutShort(brokenOff ?? leftMidway(), settlement));
  }

  let isOver = false;
  async function next(): Promise<IteratorResult<readonly ChatEvent[]>> {
    while (!isOver) {
      const pulled = await driver.next();
      isOver = pulled.type !== "events";
      if (pulled.type === "complete") return { done: false, value: complete(pulled) };
      if (pulled.type === "ended") {
        if (brokenOff !== undefined) throw brokenOff;
        throw leftMidway();
      }
      const batch = shown(pulled.events);
      if (batch.length > 0) return { done: false, value: batch };
    }
    return DONE;
  }

  async function left(): Promise<IteratorResult<readonly ChatEvent[]>> {
    driver.leave();
    return DONE;
  }

  return begun.promise.then(({ provider, whole }) => ({
    provider,
    limitHeaders: taken.headers,
    events: whole === undefined ? { [Symbol.asyncIterator]: () => ({ next, return: left }) } : once(whole),
    receipt: () => receipt,
    settled: settlement,
    timing: watch.timing(),
  }));
}

/** An answer that has begun, or is there whole. */
interface Begun {
  readonly provider: ServingProvider;
  readonly whole?: readonly ChatEvent[];
}

/** An answer that had begun, and that its consumer will not see. Its money ends by itself. */
export class CutShort extends Error {
  override readonly name = "CutShort";
  constructor(
    override readonly cause: Error,
    readonly settled: Promise<SettleOutcome>,
  ) {
    super(cause.message);
  }
}

function leftMidway(): ConsumerLeft {
  return new ConsumerLeft("the consumer left during the answer");
}

async function* once<Value>(value: Value): AsyncGenerator<Value> {
  yield value;
}

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };

/** What a consumer is told inside its stream. Source: api.md §6.3. */
const WORDS: Readonly<Record<Extract<DispatchEffect, { type: "break_off" }>["cause"], (fault: unknown) => ApiError>> = {
  timeout: () => new ApiError({ status: 504, code: "timeout", message: "request timed out" }),
  slow_consumer: () => new ApiError({ status: 504, code: "timeout", message: "the answer was not read fast enough" }),
  provider_lost: () => new ApiError({ status: 502, code: "provider_error", message: "provider ended without completion" }),
  fault: (cause) => new ApiError({ status: 500, code: "internal_error", message: "internal server error", cause }),
};

interface Deferred<Value> {
  readonly promise: Promise<Value>;
  resolve(value: Value): void;
  reject(error: unknown): void;
}

function deferred<Value>(): Deferred<Value> {
  let settle: Pick<Deferred<Value>, "resolve" | "reject"> | undefined;
  const promise = new Promise<Value>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return { promise, resolve: (value) => settle?.resolve(value), reject: (error) => settle?.reject(error) };
}
