import { ApiError } from "@umbel/dialects";
import { type Decision, isWorthWaiting, type RequestSpec } from "@umbel/routing";
import type { Settings } from "../../config/index.js";
import type { Fleet } from "../../fleet/index.js";
import type { WaitQueues } from "../dispatch/wait-queues.js";
import type { RetryAfter } from "../retry-after.js";
import type { Check, PreparedRequest } from "./check.js";
import { withoutCapable } from "./somebody-is-capable.js";

export type CapacitySettings = Pick<Settings, "queueBeforeShed" | "coldDispatch">;

/**
 * Somebody serves this request, or could soon: asked before money is held. Requests for the account's own machines wait and load whatever the
 * operator wants of the others. Source: api.md §10.4.
 */
export function capacityExists(
  fleet: Pick<Fleet, "couldLoad">,
  queues: Pick<WaitQueues, "isFull">,
  retryAfter: RetryAfter,
  settings: CapacitySettings,
): Check<PreparedRequest> {
  return {
    name: "capacity_exists",
    stage: "preflight_capacity",
    refuse({ preview, publicName, build, spec }) {
      const isPublic = spec.route === "public";
      if (hasCapacity({ preview, spec }, settings)) return undefined;
      const retryAfter_s = retryAfter.seconds(build.id);
      if (isWorthWaiting(preview)) {
        if (isPublic && (!settings.queueBeforeShed || spec.dedicated !== undefined))
          return atCapacity(publicName, spec, "requests do not queue", retryAfter_s);
        return queues.isFull(spec) ? atCapacity(publicName, spec, "queue is full", retryAfter_s) : undefined;
      }
      if (isPublic && preview.refusals.dedicated_excluded !== undefined) return noneDedicated(publicName, retryAfter_s);
      if (isTooCold({ preview, spec }, settings) && fleet.couldLoad(spec) > 0) return notInMemory(publicName, retryAfter_s);
      return shortage(preview, publicName, retryAfter_s);
    },
  };
}

/** Whether a machine takes the request now, one that must load the model first only where that is allowed. */
export function hasCapacity(request: Pick<PreparedRequest, "preview" | "spec">, settings: CapacitySettings): boolean {
  return request.preview.candidates > 0 && !isTooCold(request, settings);
}

/** Whether machines could serve the request once they have loaded the model, and are not to begin that for a request. */
export function isTooCold({ preview, spec }: Pick<PreparedRequest, "preview" | "spec">, { coldDispatch }: CapacitySettings): boolean {
  return !coldDispatch && spec.route === "public" && preview.candidates > 0 && isCold(preview);
}

/** Whether even the best machine would have to load the model first: one that has it in memory has no such cost. */
function isCold({ winner }: Decision): boolean {
  return (winner?.terms["state"] ?? 0) > 0;
}

export function atCapacity(model: string, { route }: Pick<RequestSpec, "route">, detail: string, retryAfter_s: number): ApiError {
  if (route === "self") {
    const message = `this account's machines are busy with model "${model}" (${detail}) — retry after ${retryAfter_s}s`;
    return new ApiError({ status: 429, code: "machine_busy", message, retryAfter_s });
  }
  return new ApiError({
    status: 429,
    code: "rate_limit_exceeded",
    message: `all providers for model "${model}" are at capacity (${detail}) — retry after ${retryAfter_s}s`,
    retryAfter_s,
  });
}

/** Machines that have the build are there; they serve others, too. Source: routing.md §7. */
function noneDedicated(model: string, retryAfter_s: number): ApiError {
  return new ApiError({
    status: 429,
    code: "rate_limit_exceeded",
    message: `no provider dedicated to model "${model}" is available right now — retry after ${retryAfter_s}s`,
    retryAfter_s,
  });
}

/** The planner has been told that it is wanted. */
function notInMemory(model: string, retryAfter_s: number): ApiError {
  return unavailable(
    `model "${model}" is not in memory on any machine right now, and is to be loaded — retry after ${retryAfter_s}s`,
    retryAfter_s,
  );
}

function shortage({ refusals }: Decision, model: string, retryAfter_s: number): ApiError {
  if (refusals.tools_unsupported !== undefined) return withoutCapable(model, "tools", retryAfter_s);
  if (refusals.vision_unsupported !== undefined) return withoutCapable(model, "vision", retryAfter_s);
  if (refusals.structured_unsupported !== undefined) return withoutCapable(model, "structured", retryAfter_s);
  if (refusals.context_too_small !== undefined) {
    return unavailable(`no online provider for model "${model}" has room for a request of this length right now`, retryAfter_s);
  }
  // Waiting does not make machines larger.
  if (refusals.model_too_large !== undefined) return unavailable(`model "${model}" is too large for any currently available provider`);
  return unavailable(`no provider for model "${model}" is available right now — retry after ${retryAfter_s}s`, retryAfter_s);
}

function unavailable(message: string, retryAfter_s?: number): ApiError {
  return new ApiError({ status: 503, code: "model_unavailable", message, ...(retryAfter_s !== undefined && { retryAfter_s }) });
}
