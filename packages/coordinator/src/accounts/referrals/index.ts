export { createReferrals } from "./create-referrals.js";
export * from "./types.js";
