export { createIdempotency, type Idempotency } from "./idempotency.js";
export type { IdempotencyStore } from "./store.js";
