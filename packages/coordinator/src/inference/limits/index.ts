export { createBucketTable } from "./bucket-table.js";
export { createRateLimits, unlimitedRates } from "./rate-limits.js";
