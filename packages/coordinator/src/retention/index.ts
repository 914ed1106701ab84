export { createRetention, RETENTION_LIMITS, type Retention } from "./create-retention.js";
