import type { Clock } from "@umbel/protocol";
import type { Catalog } from "../catalog/index.js";
import type { Settings } from "../config/index.js";
import type { Fleet } from "../fleet/index.js";
import type { DecisionLog, Logger, Metrics } from "../insight/index.js";
import type { Ledger } from "../ledger/index.js";
import { createAdmission } from "./admit/admission.js";
import { createCacheScope } from "./cache-scope.js";
import { dispatch } from "./dispatch/dispatch.js";
import { ConsumerLeft, DispatchFailed } from "./dispatch/failure.js";
import { createWaitQueues } from "./dispatch/wait-queues.js";
import { createInFlight } from "./in-flight.js";
import { createAnswer, SETTLEMENT_WAIT_ms } from "./relay/answer.js";
import { createRetryAfter } from "./retry-after.js";
import { type Hold, openHold } from "./settle/hold.js";
import { createStopwatch } from "./stopwatch.js";
import type { Answer, Inference, InferenceInput } from "./types.js";
import { within } from "./within.js";

export interface InferenceDependencies {
  readonly catalog: Catalog;
  readonly fleet: Fleet;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly decisions: DecisionLog;
  readonly log: Logger;
  readonly settings: Settings;
  /** Secret of this process, from which opaque cache scopes are derived. */
  readonly cacheScopeSalt: Uint8Array;
}

/** Creates the life of requests: admit → hold → dispatch → relay → settle. */
export function createInference(dependencies: InferenceDependencies): Inference {
  const { fleet, clock, metrics, settings } = dependencies;
  const queues = createWaitQueues(fleet, clock, settings);
  const inFlight = createInFlight(clock);
  const admission = createAdmission({ ...dependencies, queues });
  const dispatchServices = {
    ...dependencies,
    queues,
    retryAfter: createRetryAfter(queues.depth),
    cacheScope: createCacheScope(dependencies.cacheScopeSalt),
  };

  async function begin(input: InferenceInput, hold: Hold, request: ReturnType<typeof admission.admit>): Promise<Answer> {
    const watch = createStopwatch(clock);
    try {
      if (input.consumerGone.aborted) throw new ConsumerLeft("the consumer left while its money was held");
      const dispatched = await dispatch(request, dispatchServices, input.consumerGone, watch);
      return createAnswer({ dispatched, hold, gone: input.consumerGone, clock, metrics, settings, timing: watch.timing() });
    } catch (error) {
      // Before the refusal is told, so that whoever reads the balance next finds it whole; but not at any price.
      await within(hold.release(releaseReason(error)), SETTLEMENT_WAIT_ms, clock);
      throw error instanceof DispatchFailed ? error.refusal : error;
    }
  }

  return {
    async run(input) {
      const start_ms = clock.now_ms();
      const leave = inFlight.enter();
      try {
        const request = admission.admit(input);
        const hold = await openHold(request, dependencies);
        const reserve_us = Math.round((clock.now_ms() - start_ms) * 1_000);
        const answer = await begin(input, hold, request);
        metrics.observe("first_content_ms", { model: request.build.id }, clock.now_ms() - start_ms);
        void answer.settled.finally(leave);
        return { ...answer, timing: { ...answer.timing, reserve_us } };
      } catch (error) {
        leave();
        throw error;
      }
    },
    inFlight: () => inFlight.count,
    drain: (grace_ms) => inFlight.drain(grace_ms),
  };
}

function releaseReason(error: unknown) {
  if (error instanceof DispatchFailed) return error.reason;
  return error instanceof ConsumerLeft ? "client_gone" : "internal_error";
}
