import type { Settings } from "../../config/index.js";
import type { RewardSettings } from "../../rewards/index.js";

/** What the operator has set of availability rewards, in their own words. */
export function rewardSettings(settings: Settings): RewardSettings {
  return {
    monthlyPool_microUsd: BigInt(settings.baseRewardsPool_microUsd),
    reduction: settings.baseRewardsReduction,
    uptime_min: settings.baseRewardsUptime,
    accountShare_max: settings.baseRewardsAccountShare,
    lifetime_microUsd: BigInt(settings.baseRewardsLifetime_microUsd),
    minTrust: settings.baseRewardsMinTrust,
  };
}
