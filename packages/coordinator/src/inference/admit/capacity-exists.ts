import { ApiError } from "@umbel/dialects";
import { type Decision, isWorthWaiting, type RequestSpec } from "@umbel/routing";
import type { Settings } from "../../config/index.js";
import type { WaitQueues } from "../dispatch/wait-queues.js";
import type { RetryAfter } from "../retry-after.js";
import type { Check, PreparedRequest } from "./check.js";

export type CapacitySettings = Pick<Settings, "queueBeforeShed" | "coldDispatch">;

/**
 * Somebody serves this request, or could soon: asked before money is held. Requests for the account's own machines wait and load whatever the
 * operator wants of the others. Source: api.md §10.4.
 */
export function capacityExists(
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
      return new ApiError({
        status: 503,
        code: "model_unavailable",
        ...shortage(preview, publicName, retryAfter_s),
      });
    },
  };
}

/** Whether a machine takes the request now, one that must load the model first only where that is allowed. */
export function hasCapacity({ preview, spec }: Pick<PreparedRequest, "preview" | "spec">, { coldDispatch }: CapacitySettings): boolean {
  return preview.candidates > 0 && (coldDispatch || spec.route !== "public" || !isCold(preview));
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

function shortage(
  { refusals }: Decision,
  model: string,
  retryAfter_s: number,
): { readonly message: string; readonly param?: string; readonly retryAfter_s?: number } {
  if (refusals.tools_unsupported !== undefined) {
    return { message: `no online provider for model "${model}" supports tool calls right now`, param: "model", retryAfter_s };
  }
  if (refusals.vision_unsupported !== undefined) {
    return { message: `model "${model}" has no provider available for image input right now`, param: "model", retryAfter_s };
  }
  if (refusals.structured_unsupported !== undefined) {
    return { message: `no online provider for model "${model}" supports structured output right now`, param: "model", retryAfter_s };
  }
  if (refusals.context_too_small !== undefined) {
    return { message: `no online provider for model "${model}" has room for a request of this length right now`, retryAfter_s };
  }
  if (refusals.model_too_large !== undefined) {
    return { message: `model "${model}" is too large for any currently available provider` };
  }
  return { message: `no provider for model "${model}" is available right now — retry after ${retryAfter_s}s`, retryAfter_s };
}
