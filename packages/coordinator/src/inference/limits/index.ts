export { createBucketTable } from "./bucket-table.js";
export { createRateLimits } from "./rate-limits.js";
