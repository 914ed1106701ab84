import type { Settings } from "../../config/index.js";
import type { WarmPoolSettings } from "../../fleet/index.js";

/** What the operator said about loading models ahead of requests, as the fleet takes it. */
export function warmPoolSettings(settings: Settings): WarmPoolSettings {
  return {
    isEnabled: settings.warmPool,
    interval_ms: settings.warmPoolInterval_ms,
    planner: {
      observeOnly: settings.warmPoolObserveOnly,
      minDwell_ms: settings.warmPoolMinDwell_ms,
      queueAge_ms_min: settings.warmPoolQueueAge_ms,
      capacityRejects_min: settings.warmPoolCapacityRejects,
      ttftMisses_min: settings.warmPoolTtftMisses,
      hedgesStarted_min: settings.warmPoolHedgesStarted,
      hedgesWon_min: settings.warmPoolHedgesWon,
      coldDispatches_min: settings.warmPoolColdDispatches,
      saturation_min: settings.warmPoolSaturation,
      burst_copies: settings.warmPoolBurst_copies,
      fallbackPlaces: settings.warmPoolFallbackPlaces,
      assumedPrompt_tokens: settings.warmPoolPrompt_tokens,
      assumedCompletion_tokens: settings.warmPoolCompletion_tokens,
      minWarm: settings.warmPoolMinWarm,
      loadsPerPlan: settings.warmPoolLoadsPerPlan,
      loadsPerPlan_max: settings.warmPoolLoadsPerPlan_max,
      rampFraction: settings.warmPoolRampFraction,
      pendingLoads_max: settings.warmPoolPendingLoads_max,
    },
  };
}
