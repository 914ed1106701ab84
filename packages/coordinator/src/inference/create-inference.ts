import type { Clock } from "@umbel/protocol";
import { createHedgeBudget } from "@umbel/routing";
import type { Catalog } from "../catalog/index.js";
import type { Settings } from "../config/index.js";
import type { Fleet } from "../fleet/index.js";
import type { DecisionRecorder, Logger, Metrics, ServedPlaces } from "../insight/index.js";
import type { Ledger } from "../ledger/index.js";
import { createAdmission } from "./admit/admission.js";
import type { LookedUpInput } from "./admit/check.js";
import { isExclusive } from "./admit/prepare.js";
import { createCacheAffinity } from "./affinity/affinity.js";
import { createCacheScope } from "./cache-scope.js";
import { ConsumerLeft, DispatchFailed } from "./dispatch/failure.js";
import { createWaitQueues } from "./dispatch/wait-queues.js";
import { createInFlight } from "./in-flight.js";
import { refusedAt } from "./inference-refusal.js";
import { beginAnswer, CutShort, SETTLEMENT_WAIT_ms } from "./relay/answer.js";
import { createRetryAfter } from "./retry-after.js";
import { type Hold, openFree, openHold } from "./settle/hold.js";
import { createRequestRecord } from "./settle/recorded.js";
import { createStopwatch } from "./stopwatch.js";
import type { Answer, Inference, InferenceInput, RateLimits } from "./types.js";
import { within } from "./within.js";

export interface InferenceDependencies {
  readonly catalog: Catalog;
  readonly fleet: Fleet;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly decisions: DecisionRecorder;
  readonly places: Pick<ServedPlaces, "served">;
  readonly log: Logger;
  readonly settings: Settings;
  readonly limits: Pick<RateLimits, "takeTokens">;
  /** Uniform in [0, 1): spreads when refused requests come back. */
  readonly random: () => number;
  /** Secret of this process, from which opaque cache scopes are derived. */
  readonly cacheScopeSalt: Uint8Array;
}

type Admitted = ReturnType<ReturnType<typeof createAdmission>["admit"]>;

/** Creates the life of requests: admit → hold → dispatch → relay → settle. */
export function createInference(dependencies: InferenceDependencies): Inference {
  const { fleet, clock, settings } = dependencies;
  const queues = createWaitQueues(fleet, clock, settings);
  const inFlight = createInFlight(clock);
  const retryAfter = createRetryAfter(queues.depth, (build) => fleet.rates.drain_perSecond(build, clock.now_ms()), dependencies.random);
  const admission = createAdmission({ ...dependencies, queues, retryAfter });
  const cacheAffinity = createCacheAffinity({ ...dependencies, salt: dependencies.cacheScopeSalt });
  const answerServices = {
    ...dependencies,
    queues,
    hedges: createHedgeBudget(settings.hedgeShare),
    retryAfter,
    cacheScope: createCacheScope(dependencies.cacheScopeSalt),
  };

  async function lookUp(input: InferenceInput): Promise<LookedUpInput> {
    const providers = input.routing?.providers;
    return {
      ...input,
      ...(providers === undefined ? {} : { allowedMachines: fleet.machinesNamed(providers) }),
      ...(isExclusive(input) ? { own: await fleet.ownMachines(input.principal.accountId) } : {}),
    };
  }

  async function begin({ request, taken }: Admitted, hold: Hold): Promise<Answer> {
    const record = createRequestRecord(request, dependencies);
    try {
      if (request.input.consumerGone.aborted) throw new ConsumerLeft("the consumer left while its money was held");
      const prefix = cacheAffinity.of(request);
      const placed = prefix.affinity === undefined ? request : { ...request, spec: { ...request.spec, affinity: prefix.affinity } };
      return await beginAnswer({ request: placed, hold, taken, record, prefix, watch: createStopwatch(clock) }, answerServices);
    } catch (error) {
      if (error instanceof CutShort) throw error;
      taken.giveBack();
      record.failed(releaseReason(error));
      // Before the refusal is told, so that whoever reads the balance next finds it whole; but not at any price.
      await within(hold.release(releaseReason(error)), SETTLEMENT_WAIT_ms, clock);
      throw error instanceof DispatchFailed ? refusedAt(stageOf(error), error.refusal, request) : error;
    }
  }

  /** The money of a request, or none. */
  async function holdFor({ request, taken }: Admitted): Promise<Hold> {
    try {
      return isExclusive(request.input) ? openFree(request, dependencies) : await openHold(request, dependencies);
    } catch (error) {
      taken.giveBack();
      throw refusedAt("balance", error, request);
    }
  }

  return {
    async run(input) {
      const start_ms = clock.now_ms();
      const leave = input.visit?.stay() ?? inFlight.enter().leave;
      try {
        const admitted = admission.admit(await lookUp(input));
        const hold = await holdFor(admitted);
        const reserve_us = Math.round((clock.now_ms() - start_ms) * 1_000);
        const answer = await begin(admitted, hold);
        void answer.settled.finally(leave);
        return { ...answer, timing: { ...answer.timing, reserve_us } };
      } catch (error) {
        if (!(error instanceof CutShort)) {
          leave();
          throw error;
        }
        void error.settled.finally(leave);
        throw error.cause;
      }
    },
    arrive: inFlight.enter,
    inFlight: () => inFlight.count,
    queue: (build) => ({ waiting: queues.depth(build), limit: queues.limit(build) }),
    lastCall: queues.lastCall,
    catalogChanged: () => queues.dismiss((build) => dependencies.catalog.build(build) === undefined),
    nobodyWaits: queues.nobodyWaits,
    drain: (grace_ms) => inFlight.drain(grace_ms),
  };
}

function stageOf({ reason }: DispatchFailed) {
  return reason === "queue_timeout" ? "queue" : "dispatch";
}

function releaseReason(error: unknown) {
  if (error instanceof DispatchFailed) return error.reason;
  return error instanceof ConsumerLeft ? "client_gone" : "internal_error";
}
