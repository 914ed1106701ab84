import { count, eq, sql } from "drizzle-orm";
import { run } from "../run-query.js";
import { ledgerEntries, referrals, referrers } from "../schema/index.js";
import type { Tx } from "../tx.js";

/** Who brings others to the network, and who was brought by whom. */
export const referralRepository = {
  /** The account's code. */
  async codeOf(tx: Tx, accountId: string): Promise<string | undefined> {
    const [row] = await run(tx.select({ code: referrers.code }).from(referrers).where(eq(referrers.accountId, accountId)));
    return row?.code;
  },

  async accountOf(tx: Tx, code: string): Promise<string | undefined> {
    const [row] = await run(tx.select({ accountId: referrers.accountId }).from(referrers).where(eq(referrers.code, code)));
    return row?.accountId;
  },

  /** False when the code is taken, or the account has one. */
  async register(tx: Tx, accountId: string, code: string, at: Date): Promise<boolean> {
    const rows = await run(
      tx.insert(referrers).values({ accountId, code, createdAt: at }).onConflictDoNothing().returning({ code: referrers.code }),
    );
    return rows.length > 0;
  },

  /** The code under which the account was brought. */
  async referrerOf(tx: Tx, accountId: string): Promise<string | undefined> {
    const [row] = await run(tx.select({ code: referrals.referrerCode }).from(referrals).where(eq(referrals.referredAccountId, accountId)));
    return row?.code;
  },

  /** False when the account has a referrer already. */
  async apply(tx: Tx, accountId: string, code: string, at: Date): Promise<boolean> {
    const row = { referredAccountId: accountId, referrerCode: code, createdAt: at };
    const rows = await run(tx.insert(referrals).values(row).onConflictDoNothing().returning({ code: referrals.referrerCode }));
    return rows.length > 0;
  },

  /** How many the code has brought, and what that has earned the account. */
  async figures(tx: Tx, accountId: string, code: string): Promise<{ readonly referred: number; readonly rewards_microUsd: bigint }> {
    const [brought] = await run(tx.select({ referred: count() }).from(referrals).where(eq(referrals.referrerCode, code)));
    const rewards = sql<bigint>`coalesce(sum(${ledgerEntries.amount_microUsd}), 0)::bigint`.mapWith(BigInt);
    const [earned] = await run(
      tx
        .select({ rewards })
        .from(ledgerEntries)
        .where(sql`${ledgerEntries.accountId} = ${accountId} and ${ledgerEntries.entryType} = 'referral_reward'`),
    );
    return { referred: brought?.referred ?? 0, rewards_microUsd: earned?.rewards ?? 0n };
  },
};
