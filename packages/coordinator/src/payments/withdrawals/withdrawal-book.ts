import { type EntryType, post } from "../../ledger/index.js";
import { type Tx, type WithdrawalRow, withdrawalRepository } from "../../store/index.js";
import type { OnPaymentEvent } from "../events.js";
import type { PayoutRail } from "./payout-rail.js";

export type WithdrawalStatus = WithdrawalRow["status"];

/** How a rail's money is named in the ledger. */
export type Clearing = Pick<PayoutRail, "clearingAccount" | "entryType">;

export const CLEARING: Readonly<Record<WithdrawalRow["rail"], Clearing>> = {
  stripe: { clearingAccount: "sys:stripe", entryType: "stripe_payout" },
  chain: { clearingAccount: "sys:chain", entryType: "chain_payout" },
};

export interface Move {
  readonly from: readonly WithdrawalStatus[];
  readonly to?: WithdrawalStatus;
  readonly change?: Partial<
    Pick<WithdrawalRow, "transferId" | "payoutId" | "reversalId" | "failureReason" | "payoutRefusals" | "arrivalAt">
  >;
  readonly at: Date;
}

/**
 * The states of withdrawals (money.md §12). Each change is made once, by whoever finds the state that it begins in; together with what `tx` does
 * besides, or not at all.
 */
export interface WithdrawalBook {
  /** The withdrawal as it is now, or undefined when it is in no state that the move begins in: then nothing has changed. */
  move(tx: Tx, id: string, move: Move): Promise<WithdrawalRow | undefined>;
  /** Fails it and gives all of it back, what could be withdrawn as such. False when it is in no state that this begins in. */
  refund(
    tx: Tx,
    id: string,
    failure: { readonly from: readonly WithdrawalStatus[]; readonly reason: string; readonly at: Date },
  ): Promise<boolean>;
}

export function createWithdrawalBook(onEvent: OnPaymentEvent): WithdrawalBook {
  return {
    async move(tx, id, { from, to, change = {}, at }) {
      const row = await withdrawalRepository.lock(tx, id);
      if (row === undefined || !from.includes(row.status)) return undefined;
      const values = { ...change, ...(to === undefined ? {} : { status: to }), updatedAt: at };
      await withdrawalRepository.update(tx, id, values);
      if (to !== undefined && to !== row.status) onEvent({ type: "withdrawal_moved", withdrawalId: id, status: to });
      return { ...row, ...values };
    },

    async refund(tx, id, { from, reason, at }) {
      const row = await withdrawalRepository.lock(tx, id);
      if (row === undefined || row.refunded || !from.includes(row.status)) return false;
      await withdrawalRepository.update(tx, id, {
        status: "failed",
        refunded: true,
        failureReason: row.failureReason ?? reason,
        updatedAt: at,
      });
      const entries = debitEntries(row).map((entry) => ({ ...opposite(entry), type: "refund" as const }));
      await post(tx, { kind: "refund", idempotencyKey: `wd:${id}:refund`, reference: referenceOf(row), entries }, at);
      onEvent({ type: "withdrawal_moved", withdrawalId: id, status: "failed" });
      return true;
    },
  };
}

interface Amounts {
  readonly id: string;
  readonly accountId: string;
  readonly rail: WithdrawalRow["rail"];
  readonly amount_microUsd: bigint;
  readonly fee_microUsd: bigint;
  readonly net_microUsd: bigint;
}

/** Takes a withdrawal's money from earnings alone. @throws InsufficientFundsError */
export async function debit(tx: Tx, row: Amounts, at: Date): Promise<void> {
  const { entryType: kind } = CLEARING[row.rail];
  await post(tx, { kind, idempotencyKey: `wd:${row.id}:debit`, reference: referenceOf(row), entries: debitEntries(row) }, at);
}

function debitEntries({ accountId, rail, amount_microUsd, fee_microUsd, net_microUsd }: Amounts) {
  const { clearingAccount, entryType } = CLEARING[rail];
  const paidOut: EntryType = entryType;
  const entries = [
    { accountId, type: paidOut, amount_microUsd: -amount_microUsd, withdrawable_microUsd: -amount_microUsd },
    { accountId: clearingAccount, type: paidOut, amount_microUsd: net_microUsd },
  ];
  return fee_microUsd === 0n
    ? entries
    : [...entries, { accountId: "platform", type: "withdrawal_fee" as const, amount_microUsd: fee_microUsd }];
}

function opposite<Entry extends { readonly amount_microUsd: bigint; readonly withdrawable_microUsd?: bigint }>(entry: Entry): Entry {
  const { withdrawable_microUsd } = entry;
  return {
    ...entry,
    amount_microUsd: -entry.amount_microUsd,
    ...(withdrawable_microUsd === undefined ? {} : { withdrawable_microUsd: -withdrawable_microUsd }),
  };
}

function referenceOf({ rail, id }: Pick<Amounts, "rail" | "id">): string {
  return `${rail}_withdraw:${id}`;
}
