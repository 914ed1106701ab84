import { post } from "../../ledger/index.js";
import {
  departureRepository,
  erasureRepository,
  ledgerRepository,
  type MergedPair,
  mergingRepository,
  type Tx,
  userRepository,
} from "../../store/index.js";
import { AdministrationError, type Merged } from "./types.js";

interface By {
  readonly actor: string;
  readonly at: Date;
}

/**
 * Lets one account go over to another, as part of `tx`: its money in one balanced transaction, earnings as earnings; then what it has and what it
 * did. Of the account itself only its journal is left, and where it went.
 *
 * @throws AdministrationError `unknown_account`, `invalid`, `not_now`
 */
export async function mergeAccounts(tx: Tx, pair: MergedPair, by: By): Promise<Merged> {
  if (pair.from === pair.into) throw new AdministrationError("invalid", "an account cannot go over to itself", "into");
  await mergingRepository.lock(tx, pair);
  const [from, into] = [await existing(tx, pair.from, "account_id"), await existing(tx, pair.into, "into")];
  for (const { accountId } of [from, into]) {
    if ((await erasureRepository.open(tx, accountId)) === undefined) continue;
    throw new AdministrationError(
      "not_now",
      `the end of ${accountId} is scheduled; it can be merged when its owner has thought better of it`,
    );
  }
  const [obstacle] = await departureRepository.obstacles(tx, pair.from, by.at);
  if (obstacle !== undefined)
    throw new AdministrationError("not_now", `${obstacle} of ${pair.from} are open; merge it when they have ended`);
  const moved_microUsd = await moveMoney(tx, pair, `merge:${pair.from}:${pair.into}`, by.at);
  if (moved_microUsd === undefined) {
    throw new AdministrationError("not_now", `requests of ${pair.from} are under way; freeze it, and try again in a minute`);
  }
  const rows = await mergingRepository.move(tx, pair, by);
  // Whoever was frozen does not get away with another's name.
  if (into.frozenReason === null && from.frozenReason !== null) await departureRepository.freeze(tx, pair.into, from.frozenReason);
  await mergingRepository.end(tx, pair, by.at);
  return { from: pair.from, into: pair.into, moved_microUsd, rows };
}

/** What has come in since for an account that went over follows it. */
export async function followMerged(tx: Tx, pair: MergedPair, by: By): Promise<void> {
  await mergingRepository.lock(tx, pair);
  const balance = await ledgerRepository.balance(tx, pair.from);
  if (balance === undefined || balance.balance_microUsd === 0n) return;
  if ((await moveMoney(tx, pair, `merge:${pair.from}:${pair.into}:${balance.seq}`, by.at)) === undefined) return;
  await mergingRepository.move(tx, pair, by);
}

/** @returns undefined where something is held, and nothing was moved */
async function moveMoney(tx: Tx, pair: MergedPair, idempotencyKey: string, at: Date): Promise<bigint | undefined> {
  await mergingRepository.lockMoney(tx, pair);
  const balance = await ledgerRepository.balance(tx, pair.from);
  if (balance === undefined || balance.balance_microUsd === 0n) return 0n;
  if (balance.held_microUsd > 0n) return undefined;
  const { balance_microUsd: amount, withdrawable_microUsd: withdrawable } = balance;
  const entries = [
    { accountId: pair.from, type: "migration", amount_microUsd: -amount, withdrawable_microUsd: -withdrawable },
    { accountId: pair.into, type: "migration", amount_microUsd: amount, withdrawable_microUsd: withdrawable },
  ] as const;
  await post(tx, { kind: "migration", idempotencyKey, reference: `migrate:${pair.from}:${pair.into}`, entries }, at);
  return amount;
}

async function existing(tx: Tx, accountId: string, field: string) {
  const row = await userRepository.byId(tx, accountId);
  if (row !== undefined && row.erasedAt === null) return row;
  throw new AdministrationError("unknown_account", `there is no account ${accountId}`, field);
}
