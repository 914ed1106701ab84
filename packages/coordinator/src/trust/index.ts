export type { ChallengeFailure } from "./challenge.js";
export { createTrust, type Trust } from "./create-trust.js";
export type { Device } from "./registration.js";
export { afterGoodAnswer, afterSilence, afterViolation, afterWrongAnswer, type Standing, UNPROVEN } from "./standing.js";
