import { and, desc, eq, gte, inArray, isNull, lte, or, sql } from "drizzle-orm";
import { run } from "../run-query.js";
import { balances, providerEarnings, stripeAccounts, withdrawals } from "../schema/index.js";
import type { Tx } from "../tx.js";

export type WithdrawalRow = typeof withdrawals.$inferSelect;
export type StripeAccountRow = typeof stripeAccounts.$inferSelect;

const OPEN: WithdrawalRow["status"][] = ["pending", "transferred", "submitted"];

export const withdrawalRepository = {
  async insert(tx: Tx, row: typeof withdrawals.$inferInsert): Promise<WithdrawalRow> {
    const [inserted] = await run(tx.insert(withdrawals).values(row).returning());
    if (inserted === undefined) throw new Error("the database returned no row for an inserted withdrawal");
    return inserted;
  },

  async byId(tx: Tx, id: string): Promise<WithdrawalRow | undefined> {
    const [row] = await run(tx.select().from(withdrawals).where(eq(withdrawals.id, id)));
    return row;
  },

  /** Keeps the row until `tx` ends. */
  async lock(tx: Tx, id: string): Promise<WithdrawalRow | undefined> {
    const [row] = await run(tx.select().from(withdrawals).where(eq(withdrawals.id, id)).for("update"));
    return row;
  },

  async byClientKey(tx: Tx, accountId: string, clientKey: string): Promise<WithdrawalRow | undefined> {
    const isMeant = and(eq(withdrawals.accountId, accountId), eq(withdrawals.clientKey, clientKey));
    const [row] = await run(tx.select().from(withdrawals).where(isMeant));
    return row;
  },

  async idOf(tx: Tx, part: { readonly transferId: string } | { readonly payoutId: string }): Promise<string | undefined> {
    const isMeant = "transferId" in part ? eq(withdrawals.transferId, part.transferId) : eq(withdrawals.payoutId, part.payoutId);
    const [row] = await run(tx.select({ id: withdrawals.id }).from(withdrawals).where(isMeant));
    return row?.id;
  },

  async update(tx: Tx, id: string, values: Partial<WithdrawalRow>): Promise<void> {
    await run(tx.update(withdrawals).set(values).where(eq(withdrawals.id, id)));
  },

  /** Newest first. */
  async ofAccount(tx: Tx, accountId: string, query: { readonly limit: number; readonly rail?: WithdrawalRow["rail"] }) {
    const isMeant = and(eq(withdrawals.accountId, accountId), query.rail === undefined ? undefined : eq(withdrawals.rail, query.rail));
    return run(tx.select().from(withdrawals).where(isMeant).orderBy(desc(withdrawals.createdAt), desc(withdrawals.id)).limit(query.limit));
  },

  /** Whether money of the account is on its way to a destination. */
  async anyOpen(tx: Tx, accountId: string, destination: string): Promise<boolean> {
    const isOpen = and(eq(withdrawals.accountId, accountId), eq(withdrawals.destination, destination), inArray(withdrawals.status, OPEN));
    return (await run(tx.select({ id: withdrawals.id }).from(withdrawals).where(isOpen).limit(1))).length > 0;
  },

  /** What went out since, and did not come back. */
  async sumSince(tx: Tx, accountId: string, since: Date): Promise<bigint> {
    const isMeant = and(eq(withdrawals.accountId, accountId), gte(withdrawals.createdAt, since), eq(withdrawals.refunded, false));
    const sum = sql<bigint>`coalesce(sum(${withdrawals.amount_microUsd}), 0)::bigint`;
    const [row] = await run(tx.select({ sum }).from(withdrawals).where(isMeant));
    return BigInt(row?.sum ?? 0);
  },

  /** What an account has earned since. */
  async earnedSince(tx: Tx, accountId: string, since: Date): Promise<bigint> {
    const isMeant = and(eq(providerEarnings.accountId, accountId), gte(providerEarnings.createdAt, since));
    const sum = sql<bigint>`coalesce(sum(${providerEarnings.amount_microUsd}), 0)::bigint`;
    const [row] = await run(tx.select({ sum }).from(providerEarnings).where(isMeant));
    return BigInt(row?.sum ?? 0);
  },
};

/** What an account has, kept as it is until `tx` ends. */
export const balanceRepository = {
  /** Locks all the accounts that a posting will touch in the order in which postings do, and tells of the first of them. */
  async lock(tx: Tx, accountId: string, others: readonly string[]) {
    const all = [accountId, ...others].map((id) => sql`${id}`);
    await run(tx.execute(sql`select ledger_lock_balances(array[${sql.join(all, sql`, `)}]::text[])`));
    const { balance_microUsd, withdrawable_microUsd, held_microUsd } = balances;
    const columns = { balance_microUsd, withdrawable_microUsd, held_microUsd };
    const [row] = await run(tx.select(columns).from(balances).where(eq(balances.accountId, accountId)));
    if (row === undefined) throw new Error("a balance that was locked is gone");
    return row;
  },
};

export const stripeAccountRepository = {
  async insert(tx: Tx, row: typeof stripeAccounts.$inferInsert): Promise<void> {
    await run(tx.insert(stripeAccounts).values(row).onConflictDoNothing({ target: stripeAccounts.stripeAccountId }));
  },

  async active(tx: Tx, accountId: string): Promise<StripeAccountRow | undefined> {
    const isMeant = and(eq(stripeAccounts.accountId, accountId), eq(stripeAccounts.active, true));
    const [row] = await run(tx.select().from(stripeAccounts).where(isMeant));
    return row;
  },

  async ofCountry(tx: Tx, accountId: string, country: string): Promise<StripeAccountRow | undefined> {
    const isMeant = and(eq(stripeAccounts.accountId, accountId), eq(stripeAccounts.country, country));
    const [row] = await run(tx.select().from(stripeAccounts).where(isMeant).orderBy(desc(stripeAccounts.createdAt)).limit(1));
    return row;
  },

  /** Makes one of the account's the one that is paid to. */
  async activate(tx: Tx, accountId: string, stripeAccountId: string): Promise<void> {
    const isOwn = eq(stripeAccounts.accountId, accountId);
    await run(tx.update(stripeAccounts).set({ active: false }).where(isOwn));
    const isMeant = and(isOwn, eq(stripeAccounts.stripeAccountId, stripeAccountId));
    await run(tx.update(stripeAccounts).set({ active: true }).where(isMeant));
  },

  /** What Stripe says of it, unless something newer was heard before. */
  async mirror(tx: Tx, stripeAccountId: string, values: Partial<StripeAccountRow>, at: Date): Promise<void> {
    const isNews = or(isNull(stripeAccounts.lastEventAt), lte(stripeAccounts.lastEventAt, at));
    await run(
      tx
        .update(stripeAccounts)
        .set({ ...values, lastEventAt: at })
        .where(and(eq(stripeAccounts.stripeAccountId, stripeAccountId), isNews)),
    );
  },
};
