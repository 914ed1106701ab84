import { type DispatchInput, hedgeDelay_ms } from "@umbel/routing";
import type { Settings } from "../../config/index.js";
import type { Fleet } from "../../fleet/index.js";
import type { PreparedRequest } from "../admit/check.js";

export type DispatchSettings = Pick<
  Settings,
  | "firstContentBase_ms"
  | "firstContentPerToken_ms"
  | "contentBudget_ms"
  | "loadingExtension_ms"
  | "loadingSilence_ms"
  | "idleTimeout_ms"
  | "settleGrace_ms"
  | "hedging"
  | "attempts_max"
  | "failures_max"
>;

/** What the reducer may know of a request. */
export function dispatchInput(
  { input, promptTokens, build }: PreparedRequest,
  settings: DispatchSettings,
  { rates }: Pick<Fleet, "rates">,
): DispatchInput {
  const firstContent_ms = settings.firstContentBase_ms + settings.firstContentPerToken_ms * promptTokens;
  return {
    limits: {
      firstContent_ms,
      contentBudget_ms: settings.contentBudget_ms,
      loading_ms: settings.loadingExtension_ms,
      loadingSilence_ms: settings.loadingSilence_ms,
      idle_ms: settings.idleTimeout_ms,
      grace_ms: settings.settleGrace_ms,
      attempts_max: settings.attempts_max,
      failures_max: settings.failures_max,
    },
    isWhole: !input.stream,
    ...(input.deadline_ms !== undefined && { deadline_ms: input.deadline_ms }),
    hedgeDelay_ms: settings.hedging === "on" ? hedgeDelay_ms(firstContent_ms, rates.firstContentP90_ms(build.id, promptTokens)) : undefined,
  };
}
