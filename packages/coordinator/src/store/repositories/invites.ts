import { and, count, desc, eq, gt, lt, sql } from "drizzle-orm";
import { run } from "../run-query.js";
import { inviteCodes, inviteMisses, inviteRedemptions } from "../schema/index.js";
import type { Tx } from "../tx.js";

export type InviteRow = typeof inviteCodes.$inferSelect;

export const inviteRepository = {
  /** False when the code is taken. */
  async insert(tx: Tx, invite: typeof inviteCodes.$inferInsert): Promise<boolean> {
    const rows = await run(tx.insert(inviteCodes).values(invite).onConflictDoNothing().returning({ code: inviteCodes.code }));
    return rows.length > 0;
  },

  /** Keeps the code's row until the transaction ends. */
  async lock(tx: Tx, code: string): Promise<InviteRow | undefined> {
    const [row] = await run(tx.select().from(inviteCodes).where(eq(inviteCodes.code, code)).for("update"));
    return row;
  },

  /** Latest first, those made before the one of this code. */
  async latest(tx: Tx, { after, limit }: { readonly after: string | undefined; readonly limit: number }): Promise<readonly InviteRow[]> {
    const behind =
      after === undefined
        ? undefined
        : sql`(${inviteCodes.createdAt}, ${inviteCodes.code}) < (select i.created_at, i.code from invite_codes i where i.code = ${after})`;
    return run(tx.select().from(inviteCodes).where(behind).orderBy(desc(inviteCodes.createdAt), desc(inviteCodes.code)).limit(limit));
  },

  async deactivate(tx: Tx, code: string): Promise<void> {
    await run(tx.update(inviteCodes).set({ active: false }).where(eq(inviteCodes.code, code)));
  },

  /** Counts a use of a locked code. False when the account has used it before; then nothing is counted. */
  async redeem(tx: Tx, code: string, accountId: string, at: Date): Promise<boolean> {
    const rows = await run(
      tx
        .insert(inviteRedemptions)
        .values({ code, accountId, createdAt: at })
        .onConflictDoNothing()
        .returning({ code: inviteRedemptions.code }),
    );
    if (rows.length === 0) return false;
    await run(
      tx
        .update(inviteCodes)
        .set({ uses: sql`${inviteCodes.uses} + 1` })
        .where(eq(inviteCodes.code, code)),
    );
    return true;
  },

  async misses(tx: Tx, accountId: string, since: Date): Promise<number> {
    const lately = and(eq(inviteMisses.accountId, accountId), gt(inviteMisses.createdAt, since));
    const [row] = await run(tx.select({ misses: count() }).from(inviteMisses).where(lately));
    return row?.misses ?? 0;
  },

  async noteMiss(tx: Tx, accountId: string, at: Date): Promise<void> {
    await run(tx.insert(inviteMisses).values({ accountId, createdAt: at }));
  },

  async forgetMisses(tx: Tx, before: Date): Promise<void> {
    await run(tx.delete(inviteMisses).where(lt(inviteMisses.createdAt, before)));
  },
};
