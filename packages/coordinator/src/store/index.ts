export { STATEMENT_TIMEOUT_MS } from "./client.js";
export { databaseFailure, sqlState } from "./database-error.js";
export { type AppliedMigration, type DumpedTable, type DumpPart, dumpDatabase, RestoreError, restoreDatabase } from "./dump/index.js";
export { EmbeddedPostgresError } from "./embedded-postgres/index.js";
export { MigrationError } from "./migrations/migrate.js";
export { relationOf } from "./migrations/older-schema.js";
export { exportAccountRows } from "./repositories/account-export.js";
export { accountRepository, type KeyRow, keyRepository, providerTokenRepository } from "./repositories/accounts.js";
export { adminRequestRepository, type UserRow, userRepository } from "./repositories/administration.js";
export { type AttemptBucket, attemptRepository } from "./repositories/attempts.js";
export { type AuditRow, auditRepository } from "./repositories/audit.js";
export { calibrationRepository } from "./repositories/calibration.js";
export {
  type ActiveBuild,
  type AliasRow,
  type BuildRow,
  type CatalogRows,
  catalogRepository,
  type VersionRow,
} from "./repositories/catalog.js";
export { chainRepository, payoutAddressRepository } from "./repositories/chain.js";
export { decisionRepository, type StoredDecisionRow } from "./repositories/decisions.js";
export { type DepositRow, depositRepository, disputeRepository, standingRepository } from "./repositories/deposits.js";
export { type DeviceCodeRow, deviceCodeRepository } from "./repositories/device-codes.js";
export { type EarningFilter, type EarningRow, type EarningSum, earningsRepository } from "./repositories/earnings.js";
export { departureRepository, type ErasureRow, erasureRepository } from "./repositories/erasure.js";
export { idempotencyRepository } from "./repositories/idempotency.js";
export { instanceRepository } from "./repositories/instances.js";
export { invariantRepository } from "./repositories/invariants.js";
export { type InviteRow, inviteRepository } from "./repositories/invites.js";
export { type JournalRow, journalRepository } from "./repositories/journal.js";
export { leaseRepository } from "./repositories/leases.js";
export { ledgerRepository, type ReservationTerms } from "./repositories/ledger.js";
export { logReportRepository } from "./repositories/log-reports.js";
export { machineSessionRepository } from "./repositories/machine-sessions.js";
export { machineRepository } from "./repositories/machines.js";
export { type MergedPair, mergingRepository } from "./repositories/merging.js";
export { type OutboxRow, outboxRepository } from "./repositories/outbox.js";
export {
  externalIdentityRepository,
  type InvitationRow,
  invitationRepository,
  type PersonSessionRow,
  personRepository,
  personSessionRepository,
} from "./repositories/people.js";
export { priceRepository } from "./repositories/prices.js";
export { type PublishingKeyRow, publishingKeyRepository } from "./repositories/publishing-keys.js";
export { referralRepository } from "./repositories/referrals.js";
export { type RejectionRow, rejectionRepository, type StoredRejectionRow } from "./repositories/rejections.js";
export { type ReleaseRow, releaseRepository } from "./repositories/releases.js";
export { retentionRepository } from "./repositories/retention.js";
export { type FloorDrawRow, type MinuteRow, type PresenceRow, type RewardEpochRow, rewardRepository } from "./repositories/rewards.js";
export { rollupRepository } from "./repositories/rollups.js";
export { type PeriodRow, type StatementLine, type StatementSum, statementRepository } from "./repositories/statements.js";
export { statisticsRepository } from "./repositories/statistics.js";
export { type StripeEventRow, stripeEventRepository } from "./repositories/stripe-events.js";
export { telemetryRepository } from "./repositories/telemetry.js";
export { type ListPlace, type UsageFilter, type UsageGroup, type UsageRow, type UsageSum, usageRepository } from "./repositories/usage.js";
export {
  balanceRepository,
  type StripeAccountRow,
  stripeAccountRepository,
  type WithdrawalRow,
  withdrawalRepository,
} from "./repositories/withdrawals.js";
export { createRowCache } from "./row-cache.js";
export { authTables } from "./schema/index.js";
export { CoordinatorRunningError, type SessionEvent } from "./session.js";
export { type ChangeChannel, openStore, type Store } from "./store.js";
export type { Tx } from "./tx.js";
