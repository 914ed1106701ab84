import { tables } from "./0001-tables.js";
import { ledgerFunctions } from "./0002-ledger-functions.js";
import { changeNotices } from "./0003-change-notices.js";
import { keyLimits } from "./0004-key-limits.js";
import { idempotency } from "./0005-idempotency.js";
import { keyLimitNotices } from "./0006-key-limit-notices.js";
import { rejections } from "./0007-rejections.js";
import { decisions } from "./0008-decisions.js";
import { statistics } from "./0009-statistics.js";
import { machineHealth } from "./0010-machine-health.js";
import { isolation } from "./0011-isolation.js";
import { catalogue } from "./0012-catalogue.js";
import { releases } from "./0013-releases.js";
import { deviceCodes } from "./0014-device-codes.js";
import { tokenNotices } from "./0015-token-notices.js";
import { publishingKeys } from "./0016-publishing-keys.js";
import { buildMemory } from "./0017-build-memory.js";
import { deprecation } from "./0018-deprecation.js";
import { postings } from "./0019-postings.js";
import { referrals } from "./0020-referrals.js";
import { settlement } from "./0021-settlement.js";
import { people } from "./0024-people.js";
import { signInCodes } from "./0025-sign-in-codes.js";
import { consoleKeys } from "./0026-console-keys.js";
import { outbox } from "./0028-outbox.js";
import { deposits } from "./0029-deposits.js";
import { withdrawals } from "./0030-withdrawals.js";
import { chainPayouts } from "./0031-chain-payouts.js";
import { administration } from "./0032-administration.js";
import { invites } from "./0033-invites.js";
import { statements } from "./0034-statements.js";
import { erasure } from "./0035-erasure.js";
import { rewards } from "./0036-rewards.js";
import { rewardIndex } from "./0037-reward-index.js";
import { fileParts } from "./0040-file-parts.js";
import { stripeCatchUp } from "./0044-stripe-catch-up.js";
import { attempts } from "./0050-attempts.js";
import { deviceNonces } from "./0051-device-nonces.js";
import { telemetry } from "./0060-telemetry.js";
import { usageRollups } from "./0070-usage-rollups.js";
import { machineSessions } from "./0072-machine-sessions.js";
import { verifiedVersions } from "./0076-verified-versions.js";
import { versionFloor } from "./0077-version-floor.js";
import { retention } from "./0080-retention.js";
import { merging } from "./0081-merging.js";
import { fileFacts } from "./0088-file-facts.js";
import { shortfalls } from "./0090-shortfalls.js";
import { feePurses } from "./0091-fee-purses.js";

export interface Migration {
  readonly id: number;
  readonly name: string;
  readonly sql: string;
}

/** Forward only, in order. A migration that has shipped never changes; its checksum is compared at every start. */
export const migrations: readonly Migration[] = [
  { id: 1, name: "tables", sql: tables },
  { id: 2, name: "ledger functions", sql: ledgerFunctions },
  { id: 3, name: "change notices", sql: changeNotices },
  { id: 4, name: "key limits", sql: keyLimits },
  { id: 5, name: "idempotency keys", sql: idempotency },
  { id: 6, name: "notices of key limits", sql: keyLimitNotices },
  { id: 7, name: "rejections", sql: rejections },
  { id: 8, name: "decisions", sql: decisions },
  { id: 9, name: "statistics", sql: statistics },
  { id: 10, name: "health of machines", sql: machineHealth },
  { id: 11, name: "isolation of builds", sql: isolation },
  { id: 12, name: "life of builds", sql: catalogue },
  { id: 13, name: "releases", sql: releases },
  { id: 14, name: "device codes", sql: deviceCodes },
  { id: 15, name: "notices of provider tokens", sql: tokenNotices },
  { id: 16, name: "publishing keys", sql: publishingKeys },
  { id: 17, name: "memory of builds", sql: buildMemory },
  { id: 18, name: "deprecation of builds", sql: deprecation },
  { id: 19, name: "exact postings, and facts of accounts", sql: postings },
  { id: 20, name: "referrals", sql: referrals },
  { id: 21, name: "own prices, referrals and unclaimed earnings in settlement", sql: settlement },
  { id: 24, name: "people", sql: people },
  { id: 25, name: "codes to sign in with", sql: signInCodes },
  { id: 26, name: "keys of the console", sql: consoleKeys },
  { id: 28, name: "outbox and inbox", sql: outbox },
  { id: 29, name: "deposits", sql: deposits },
  { id: 30, name: "withdrawals", sql: withdrawals },
  { id: 31, name: "payouts on a chain", sql: chainPayouts },
  { id: 32, name: "administration of accounts", sql: administration },
  { id: 33, name: "invites", sql: invites },
  { id: 34, name: "places of periods in journals", sql: statements },
  { id: 35, name: "erasure of accounts", sql: erasure },
  { id: 36, name: "availability rewards", sql: rewards },
  { id: 37, name: "index of rewards", sql: rewardIndex },
  { id: 40, name: "parts of files", sql: fileParts },
  { id: 44, name: "events of Stripe that never came", sql: stripeCatchUp },
  { id: 50, name: "limits on tries", sql: attempts },
  { id: 51, name: "nonces of device codes", sql: deviceNonces },
  { id: 60, name: "telemetry and log reports", sql: telemetry },
  { id: 70, name: "usage by the day", sql: usageRollups },
  { id: 72, name: "counters and connections of machines", sql: machineSessions },
  { id: 76, name: "verified versions", sql: verifiedVersions },
  { id: 77, name: "version floor", sql: versionFloor },
  { id: 80, name: "retention", sql: retention },
  { id: 81, name: "accounts that went over to others, and notes", sql: merging },
  { id: 88, name: "facts of files", sql: fileFacts },
  { id: 90, name: "shortfalls of refused requests, and usage by the minute", sql: shortfalls },
  { id: 91, name: "fees of settlements, gathered", sql: feePurses },
];
