export { type AppliedMigration, dumpDatabase } from "./dump.js";
export { type DumpPart, RestoreError, restoreDatabase } from "./restore.js";
export type { DumpedTable } from "./tables.js";
