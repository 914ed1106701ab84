import { utf8 } from "@umbel/protocol";
import type { Catalog, ResolvedModel } from "../../catalog/index.js";
import type { Settings } from "../../config/index.js";
import type { Fleet } from "../../fleet/index.js";
import type { Metrics } from "../../insight/index.js";
import type { WaitQueues } from "../dispatch/wait-queues.js";
import { refusedAt } from "../inference-refusal.js";
import type { RetryAfter } from "../retry-after.js";
import type { RateLimits, TakenTokens } from "../types.js";
import { beginsInTime, lateness_ms, type PromptnessSettings } from "./begins-in-time.js";
import { type CapacitySettings, capacityExists, hasCapacity } from "./capacity-exists.js";
import type { AskedRequest, Check, LookedUpInput, PreparedRequest } from "./check.js";
import { fitsContext } from "./fits-context.js";
import { fitsFrame } from "./fits-frame.js";
import { keyAllowsModel } from "./key-allows-model.js";
import { modelIsCapable } from "./model-is-capable.js";
import { modelNotFound } from "./model-not-found.js";
import { modelNotShed } from "./model-not-shed.js";
import { ownMachineServes } from "./own-machine-serves.js";
import { prepare } from "./prepare.js";

const MODEL_EXISTS = { name: "model_exists", stage: "model_resolution" } as const;

export interface AdmissionServices {
  readonly catalog: Pick<Catalog, "resolve" | "aliases">;
  readonly fleet: Pick<Fleet, "preview">;
  readonly queues: Pick<WaitQueues, "isFull">;
  readonly retryAfter: RetryAfter;
  readonly metrics: Metrics;
  readonly settings: Pick<Settings, "rejectModels" | "servabilityGate"> & PromptnessSettings & CapacitySettings;
  readonly limits: Pick<RateLimits, "takeTokens">;
}

/**
 * Everything that can refuse a request before money is held, in order; the first refusal wins and none leaves an effect. The hold itself
 * comes after, so that a refused request never touches the ledger. Source: api.md §10.1.
 */
export function createAdmission({ catalog, fleet, queues, retryAfter, metrics, settings, limits }: AdmissionServices) {
  /** Of the request as it was asked. */
  const asked: readonly Check<AskedRequest>[] = [keyAllowsModel(() => catalog.aliases())];

  /** Of the request as it would be sent. */
  const prepared: readonly Check<PreparedRequest>[] = [
    modelIsCapable,
    modelNotShed(settings.rejectModels, retryAfter),
    ...(settings.servabilityGate ? [fitsContext] : []),
  ];

  /** Of a request that is within its caller's limits. */
  const affordable: readonly Check<PreparedRequest>[] = [
    ownMachineServes,
    capacityExists(queues, retryAfter, settings),
    beginsInTime(settings, retryAfter),
    fitsFrame,
  ];

  function pass<Subject>(subject: Subject, checks: readonly Check<Subject>[], request?: PreparedRequest): void {
    for (const check of checks) {
      const refusal = check.refuse(subject);
      if (refusal !== undefined) throw refused(check, refusal, request);
    }
  }

  function takeTokens(request: PreparedRequest): TakenTokens {
    const { input, promptTokens, outputBound_tokens } = request;
    try {
      return limits.takeTokens(input.principal, { input: promptTokens, output: outputBound_tokens });
    } catch (error) {
      throw refused({ name: "within_token_limits", stage: "rate_limit" }, error, request);
    }
  }

  function refused({ name, stage }: Pick<Check<unknown>, "name" | "stage">, refusal: unknown, request?: PreparedRequest): unknown {
    metrics.count("admission_refusals_total", { check: name });
    return refusedAt(stage, refusal, request);
  }

  /** The desired build, unless nobody serves it now, or not soon enough, and somebody serves the one before. */
  function choose(input: LookedUpInput, { publicName, build, previous }: ResolvedModel): Omit<PreparedRequest, "body"> {
    const desired = previewed(prepare(input, publicName, build));
    if (previous === undefined || isServed(desired)) return desired;
    const fallback = previewed(prepare(input, publicName, previous));
    return isServed(fallback) ? fallback : desired;
  }

  function isServed(request: Omit<PreparedRequest, "body">): boolean {
    return hasCapacity(request, settings) && lateness_ms(request, settings) === 0;
  }

  function previewed(request: Omit<PreparedRequest, "preview" | "body">): Omit<PreparedRequest, "body"> {
    return { ...request, preview: fleet.preview(request.spec) };
  }

  return {
    /** @returns the request and the tokens that it took of its caller's limits, which go back when it comes to nothing. @throws ApiError the first refusal. */
    admit(input: LookedUpInput): { readonly request: PreparedRequest; readonly taken: TakenTokens } {
      const resolved = catalog.resolve(input.request.model);
      pass({ input, resolved }, asked);
      if (resolved === undefined) throw refused(MODEL_EXISTS, modelNotFound(input.request.model));
      const chosen = choose(input, resolved);
      const request = { ...chosen, body: utf8(JSON.stringify(chosen.request)) };
      pass(request, prepared, request);
      const taken = takeTokens(request);
      try {
        pass(request, affordable, request);
      } catch (error) {
        taken.giveBack();
        throw error;
      }
      return { request, taken };
    },
  };
}
