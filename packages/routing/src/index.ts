export { type CostProfile, DEFAULT_COST_PROFILE } from "./cost/profile.js";
export type { ProfileName } from "./gates/profiles.js";
export { seededRandom } from "./random.js";
export { REPORT_LIMITS } from "./report-limits.js";
export { select } from "./select.js";
export * from "./types.js";
export {
  providerViewFromRegister,
  type SessionIdentity,
  withAccount,
  withBreaker,
  withChallengePassed,
  withChallengeRevoked,
  withDraining,
  withHeartbeat,
  withLoadCooldown,
  withOnline,
  withoutLoadCooldown,
  withoutPending,
  withPending,
  withTrust,
} from "./views.js";
