import { and, desc, eq, lt, sql } from "drizzle-orm";
import { run } from "../run-query.js";
import { ledgerEntries, ledgerNotes, ledgerTransactions } from "../schema/index.js";
import type { Tx } from "../tx.js";

/** A movement's reference, with the note that an operator wrote to it. */
export const annotated = sql<string>`${ledgerTransactions.reference}
  || coalesce(':' || (select n.note from ledger_notes n where n.transaction_id = ${ledgerTransactions.id}), '')`;

const columns = {
  seq: ledgerEntries.seq,
  type: ledgerEntries.entryType,
  amount_microUsd: ledgerEntries.amount_microUsd,
  withdrawableDelta_microUsd: ledgerEntries.withdrawableDelta_microUsd,
  balanceAfter_microUsd: ledgerEntries.balanceAfter_microUsd,
  withdrawableAfter_microUsd: ledgerEntries.withdrawableAfter_microUsd,
  reference: annotated,
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
  /** Writes a note to a transaction, by its idempotency key; the first one stands. */
  async annotate(tx: Tx, idempotencyKey: string, note: string): Promise<void> {
    const { id } = ledgerTransactions;
    const own = tx
      .select({ transactionId: id, note: sql<string>`${note}`.as("note") })
      .from(ledgerTransactions)
      .where(eq(ledgerTransactions.idempotencyKey, idempotencyKey));
    await run(tx.insert(ledgerNotes).select(own).onConflictDoNothing());
  },

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
