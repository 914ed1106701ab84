export { type DatabaseFailure, databaseFailure, sqlState } from "./database-error.js";
export { EmbeddedPostgresError, type EmbeddedPostgresErrorCode } from "./embedded-postgres/index.js";
export { MigrationError, type MigrationErrorCode } from "./migrations/migrate.js";
export { instanceRepository } from "./repositories/instances.js";
export { CoordinatorRunningError, type SessionEvent } from "./session.js";
export { type ChangeChannel, openStore, type Store, type StoreOptions } from "./store.js";
export type { Tx } from "./tx.js";
