import { and, asc, desc, eq, gt, sql } from "drizzle-orm";
import { run } from "../run-query.js";
import { chainNonces, chainTransactions, chainTransfers, payoutAddressChallenges, payoutAddresses } from "../schema/index.js";
import type { Tx } from "../tx.js";

export type ChainTransferRow = typeof chainTransfers.$inferSelect;
export type ChainTransactionRow = typeof chainTransactions.$inferSelect;

export const payoutAddressRepository = {
  async of(tx: Tx, accountId: string): Promise<typeof payoutAddresses.$inferSelect | undefined> {
    const [row] = await run(tx.select().from(payoutAddresses).where(eq(payoutAddresses.accountId, accountId)));
    return row;
  },

  async put(tx: Tx, row: typeof payoutAddresses.$inferInsert): Promise<void> {
    const { address, verifiedAt } = row;
    await run(
      tx.insert(payoutAddresses).values(row).onConflictDoUpdate({ target: payoutAddresses.accountId, set: { address, verifiedAt } }),
    );
  },

  /** The account's last challenge; one before it counts no more. */
  async challenge(tx: Tx, row: typeof payoutAddressChallenges.$inferInsert): Promise<void> {
    const { accountId: _accountId, ...set } = row;
    await run(tx.insert(payoutAddressChallenges).values(row).onConflictDoUpdate({ target: payoutAddressChallenges.accountId, set }));
  },

  /** Each can be answered once, right or wrong. */
  async takeChallenge(tx: Tx, accountId: string, at: Date): Promise<typeof payoutAddressChallenges.$inferSelect | undefined> {
    const isOpen = and(eq(payoutAddressChallenges.accountId, accountId), gt(payoutAddressChallenges.expiresAt, at));
    const [row] = await run(tx.delete(payoutAddressChallenges).where(isOpen).returning());
    return row;
  },
};

export const chainRepository = {
  async transfer(tx: Tx, withdrawalId: string): Promise<ChainTransferRow | undefined> {
    const [row] = await run(tx.select().from(chainTransfers).where(eq(chainTransfers.withdrawalId, withdrawalId)));
    return row;
  },

  /**
   * Gives a payout the next nonce of its sender, for good.
   *
   * @param nonce_least what the chain has already counted
   */
  async assignNonce(tx: Tx, row: Omit<typeof chainTransfers.$inferInsert, "nonce">, nonce_least: number): Promise<ChainTransferRow> {
    const { chainId, sender } = row;
    const first = { chainId, sender, nextNonce: nonce_least + 1 };
    const nextNonce = sql`greatest(${chainNonces.nextNonce}, ${nonce_least}::bigint) + 1`;
    const [counter] = await run(
      tx
        .insert(chainNonces)
        .values(first)
        .onConflictDoUpdate({ target: [chainNonces.chainId, chainNonces.sender], set: { nextNonce } })
        .returning(),
    );
    if (counter === undefined) throw new Error("the database returned no row for a nonce");
    const [transfer] = await run(
      tx
        .insert(chainTransfers)
        .values({ ...row, nonce: counter.nextNonce - 1 })
        .returning(),
    );
    if (transfer === undefined) throw new Error("the database returned no row for an inserted transfer");
    return transfer;
  },

  async addTransaction(tx: Tx, row: typeof chainTransactions.$inferInsert): Promise<void> {
    await run(tx.insert(chainTransactions).values(row).onConflictDoNothing());
  },

  /** Oldest first. */
  async transactions(tx: Tx, withdrawalId: string): Promise<readonly ChainTransactionRow[]> {
    const isMeant = eq(chainTransactions.withdrawalId, withdrawalId);
    return run(tx.select().from(chainTransactions).where(isMeant).orderBy(asc(chainTransactions.createdAt), desc(chainTransactions.hash)));
  },
};
