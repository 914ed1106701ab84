import { and, desc, eq, lt } from "drizzle-orm";
import { run } from "../run-query.js";
import { ledgerEntries, ledgerTransactions } from "../schema/index.js";
import type { Tx } from "../tx.js";

const columns = {
  seq: ledgerEntries.seq,
  type: ledgerEntries.entryType,
  amount_microUsd: ledgerEntries.amount_microUsd,
  withdrawableDelta_microUsd: ledgerEntries.withdrawableDelta_microUsd,
  balanceAfter_microUsd: ledgerEntries.balanceAfter_microUsd,
  withdrawableAfter_microUsd: ledgerEntries.withdrawableAfter_microUsd,
  reference: ledgerTransactions.reference,
  at: ledgerEntries.createdAt,
};

export interface JournalRow {
  readonly seq: number;
  readonly type: string;
  readonly amount_microUsd: bigint;
  readonly withdrawableDelta_microUsd: bigint;
  readonly balanceAfter_microUsd: bigint;
  readonly withdrawableAfter_microUsd: bigint;
  readonly reference: string;
  readonly at: Date;
}

/** What moved on an account, entry by entry. */
export const journalRepository = {
  /** Latest first, those before `before`. */
  async latest(tx: Tx, accountId: string, { before, limit }: { readonly before: number | undefined; readonly limit: number }) {
    const rows: readonly JournalRow[] = await run(
      tx
        .select(columns)
        .from(ledgerEntries)
        .innerJoin(ledgerTransactions, eq(ledgerTransactions.id, ledgerEntries.transactionId))
        .where(and(eq(ledgerEntries.accountId, accountId), before === undefined ? undefined : lt(ledgerEntries.seq, before)))
        .orderBy(desc(ledgerEntries.seq))
        .limit(limit),
    );
    return rows;
  },
};
