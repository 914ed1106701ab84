import type { Settings } from "../../config/index.js";
import type { FleetSettings } from "../../fleet/index.js";

/** Staleness is looked for so often in the time after which a machine is stale (routing.md §2.4). */
const SWEEPS_PER_TIMEOUT = 3;

/** What the operator said about watching connected machines, and believing them, as the fleet takes it. */
export function watchSettings(settings: Settings): Partial<FleetSettings> {
  return {
    stale_ms: settings.evictionTimeout_ms,
    staleSweeps_max: settings.evictionStrikes,
    sweepInterval_ms: Math.ceil(settings.evictionTimeout_ms / SWEEPS_PER_TIMEOUT),
    runtimeCheck: settings.runtimeCheck,
    challengeInterval_ms: settings.challengeInterval_ms,
    challengeTimeout_ms: settings.challengeTimeout_ms,
    challengeFreshness_ms: settings.challengeFreshness_ms,
    silencesToUntrust: settings.challengeSilencesToUntrust,
    silencesToClose: settings.challengeSilencesToClose,
    decodeRates_max: settings.rateSamples,
    ceilings: {
      decode_tps: settings.believedDecode_tps,
      prefill_tps: settings.believedPrefill_tps,
      memoryBandwidth_gbs: settings.believedBandwidth_gbs,
    },
  };
}
