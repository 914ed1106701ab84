import { utf8 } from "@umbel/protocol";
import type { Catalog, ResolvedModel } from "../../catalog/index.js";
import type { Settings } from "../../config/index.js";
import type { Fleet } from "../../fleet/index.js";
import { inShare } from "../../in-share.js";
import type { Metrics } from "../../insight/index.js";
import type { WaitQueues } from "../dispatch/wait-queues.js";
import { refusedAt } from "../inference-refusal.js";
import type { RetryAfter } from "../retry-after.js";
import type { RateLimits, TakenTokens } from "../types.js";
import { beginsInTime, lateness_ms, type PromptnessSettings, ttftCeiling_ms } from "./begins-in-time.js";
import { type CapacitySettings, capacityExists, hasCapacity, isTooCold } from "./capacity-exists.js";
import type { AskedRequest, Check, LookedUpInput, PreparedRequest } from "./check.js";
import { fitsContext } from "./fits-context.js";
import { fitsFrame } from "./fits-frame.js";
import { fitsSomewhere } from "./fits-somewhere.js";
import { keyAllowsModel } from "./key-allows-model.js";
import { modelIsCapable } from "./model-is-capable.js";
import { modelNotShed } from "./model-not-shed.js";
import { notInCatalog } from "./not-in-catalog.js";
import { ownMachineServes } from "./own-machine-serves.js";
import { prepare } from "./prepare.js";
import { somebodyIsCapable } from "./somebody-is-capable.js";

type Unpreviewed = Omit<PreparedRequest, "preview" | "body">;

const MODEL_EXISTS = { name: "model_exists", stage: "model_resolution" } as const;

export interface AdmissionServices {
  readonly catalog: Pick<Catalog, "resolve" | "aliases" | "builds">;
  readonly fleet: Pick<Fleet, "preview" | "someone" | "couldHold" | "couldLoad" | "noticed" | "capacity">;
  readonly queues: Pick<WaitQueues, "isFull">;
  readonly retryAfter: RetryAfter;
  readonly metrics: Metrics;
  readonly settings: Pick<Settings, "rejectModels" | "servabilityGate" | "promptCalibration"> & PromptnessSettings & CapacitySettings;
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
    somebodyIsCapable(fleet, retryAfter),
    modelNotShed(settings.rejectModels, retryAfter),
    ...(settings.servabilityGate ? [fitsContext(settings.promptCalibration)] : []),
  ];

  /** Of a request that is within its caller's limits. */
  const affordable: readonly Check<PreparedRequest>[] = [
    ownMachineServes(fleet),
    ...(settings.servabilityGate ? [fitsSomewhere(fleet, retryAfter)] : []),
    capacityExists(fleet, queues, retryAfter, settings),
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

  /**
   * The build that the name means here and now. The desired one, as long as some machine could serve it, however busy; else the one before it, so
   * that a request waits for a build that is there. And the one before it where the desired one would have to be waited for, or begins too
   * late, and it would not. A request that a rollout has not come to asks for the one before it first, and the same in its place. Sources:
   * routing.md §12.2, §12.3; catalog.md §9.
   */
  function choose(input: LookedUpInput, resolved: ResolvedModel): Omit<PreparedRequest, "body"> {
    const { publicName, build, previous } = resolved;
    const desired = prompt(prepare(input, publicName, build));
    if (previous === undefined) return previewed(desired);
    let earlier: Unpreviewed | undefined;
    const before = (): Unpreviewed => {
      earlier ??= prompt(prepare(input, publicName, previous));
      return earlier;
    };
    const inOrder = hasMoved(input, resolved) ? ([() => desired, before] as const) : ([before, () => desired] as const);
    const meant = routable(inOrder) ?? desired;
    const first = previewed(meant);
    if (isServed(first)) return first;
    const other = inOrder[1]();
    if (meant === other || settings.rejectModels.includes(other.build.id)) return first;
    const fallback = previewed(other);
    return isServed(fallback) ? fallback : first;
  }

  /** Whether a request is among those that ask for the desired build. Shares go by the request, so that a retry asks for the same. */
  function hasMoved({ requestId }: LookedUpInput, { publicName, build, rollout }: ResolvedModel): boolean {
    const { desiredShare_percent = 100, minDesiredProviders = 1 } = rollout ?? {};
    if (!inShare(desiredShare_percent, publicName, requestId)) return false;
    // One is what is looked for anyway.
    return minDesiredProviders <= 1 || fleet.capacity(build.id).routableProviders >= minDesiredProviders;
  }

  /** With how late it may begin, where that matters. */
  function prompt(request: Unpreviewed): Unpreviewed {
    return { ...request, spec: { ...request.spec, ttftCeiling_ms: ttftCeiling_ms(request, settings) } };
  }

  /** The first that some machine could serve; where own machines are preferred, the first that one of them could. */
  function routable(requests: readonly (() => Unpreviewed)[]): Unpreviewed | undefined {
    for (const own of [true, false]) {
      for (const request of requests) {
        const { spec } = request();
        if (own && spec.route !== "prefer") break;
        if (fleet.someone("alias_probe", own ? { ...spec, route: "self" } : spec)) return request();
      }
    }
    return undefined;
  }

  function isServed(request: Omit<PreparedRequest, "body">): boolean {
    return hasCapacity(request, settings) && lateness_ms(request) === 0;
  }

  function previewed(request: Unpreviewed): Omit<PreparedRequest, "body"> {
    return { ...request, preview: fleet.preview(request.spec) };
  }

  return {
    /** @returns the request and the tokens that it took of its caller's limits, which go back when it comes to nothing. @throws ApiError the first refusal. */
    admit(input: LookedUpInput): { readonly request: PreparedRequest; readonly taken: TakenTokens } {
      const resolved = catalog.resolve(input.request.model);
      pass({ input, resolved }, asked);
      if (resolved === undefined) throw refused(MODEL_EXISTS, notInCatalog(input.request.model, catalog));
      const chosen = choose(input, resolved);
      // Of machines that could load it and may not, nobody else tells the planner.
      if (isTooCold(chosen, settings)) fleet.noticed({ type: "capacity_reject", build: chosen.build.id });
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
