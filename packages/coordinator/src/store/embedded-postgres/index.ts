export { EmbeddedPostgresError, type EmbeddedPostgresErrorCode } from "./embedded-postgres-error.js";
export { type EmbeddedPostgres, ensureRunning } from "./server.js";
