/** The control plane: `startCoordinator` runs all of it; the rest is for tools that manage accounts and money beside it. */
export {
  type Accounts,
  AccountsError,
  AccountsUnavailableError,
  type Administration,
  AdministrationError,
  createAccounts,
  createAdministration,
  createSessions,
  type KeyChange,
  type KeyRecord,
  type NewKey,
  SESSION_LIMITS,
} from "./accounts/index.js";
export { BackupError, backupName, madeAt, restoreBackup, verifyBackup, writeBackup } from "./backup/index.js";
export { loadBundledModel } from "./catalog/index.js";
export {
  loadSettings,
  type SettingName,
  type Settings,
  SettingsError,
  type SettingsProblem,
  type SettingsSources,
} from "./config/index.js";
export { type PublicKey, publicKey } from "./http/index.js";
export { createLedger, type Ledger, LedgerUnavailableError } from "./ledger/index.js";
export { type RunningCoordinator, type StartOptions, startCoordinator } from "./main.js";
export { ObjectStoreError, type ObjectStoreProblem, openS3Bucket, type S3Bucket, type S3Options } from "./objects/index.js";
export { CoordinatorRunningError, EmbeddedPostgresError, MigrationError, openStore, RestoreError, type Store } from "./store/index.js";
export { ownIdentity } from "./wiring/index.js";
