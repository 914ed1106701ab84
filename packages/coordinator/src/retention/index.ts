export { createRetention, RETENTION_LIMITS } from "./create-retention.js";
