export type { ChallengeContext, ChallengeFailure, ChallengeVerdict } from "./challenge.js";
export { createTrust, type Trust, type TrustDependencies } from "./create-trust.js";
export type { Device, RegistrationVerdict } from "./registration.js";
export { afterGoodAnswer, afterSilence, afterViolation, afterWrongAnswer, SILENCES_TO_CLOSE, type Standing, UNPROVEN } from "./standing.js";
export type { Violations } from "./violations.js";
