export { EmbeddedPostgresError } from "./embedded-postgres-error.js";
export { type EmbeddedPostgres, ensureRunning } from "./server.js";
