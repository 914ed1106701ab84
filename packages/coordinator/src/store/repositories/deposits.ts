import { and, count, desc, eq, inArray, isNull, lt, ne, sql } from "drizzle-orm";
import { run } from "../run-query.js";
import { billingSessions, paymentDisputes, users } from "../schema/index.js";
import type { Tx } from "../tx.js";

export type DepositRow = typeof billingSessions.$inferSelect;
export type DisputeRow = typeof paymentDisputes.$inferSelect;

export const depositRepository = {
  async insert(tx: Tx, row: typeof billingSessions.$inferInsert): Promise<void> {
    await run(tx.insert(billingSessions).values(row));
  },

  async byId(tx: Tx, id: string): Promise<DepositRow | undefined> {
    const [row] = await run(tx.select().from(billingSessions).where(eq(billingSessions.id, id)));
    return row;
  },

  /** Keeps the row until `tx` ends. */
  async lock(tx: Tx, id: string): Promise<DepositRow | undefined> {
    const [row] = await run(tx.select().from(billingSessions).where(eq(billingSessions.id, id)).for("update"));
    return row;
  },

  async idOfPayment(tx: Tx, paymentIntentId: string): Promise<string | undefined> {
    const isPaidBy = eq(billingSessions.paymentIntentId, paymentIntentId);
    const [row] = await run(tx.select({ id: billingSessions.id }).from(billingSessions).where(isPaidBy));
    return row?.id;
  },

  async update(tx: Tx, id: string, values: Partial<DepositRow>): Promise<void> {
    await run(tx.update(billingSessions).set(values).where(eq(billingSessions.id, id)));
  },

  /** The payment processor has made its page. Nothing changes of a deposit that was decided meanwhile, but that the page is known. */
  async opened(tx: Tx, id: string, externalId: string): Promise<void> {
    const isUnnamed = and(eq(billingSessions.id, id), isNull(billingSessions.externalId));
    const status = sql`case when ${billingSessions.status} = 'creating' then 'pending' else ${billingSessions.status} end`;
    await run(tx.update(billingSessions).set({ externalId, status }).where(isUnnamed));
  },

  /** Newest first. */
  async ofAccount(tx: Tx, accountId: string, limit: number): Promise<readonly DepositRow[]> {
    const isOwn = eq(billingSessions.accountId, accountId);
    return run(tx.select().from(billingSessions).where(isOwn).orderBy(desc(billingSessions.createdAt)).limit(limit));
  },

  /** Those that nobody has decided on since, oldest first. */
  async undecided(tx: Tx, before: Date, limit: number): Promise<readonly DepositRow[]> {
    const isOpen = and(inArray(billingSessions.status, ["creating", "pending"]), lt(billingSessions.createdAt, before));
    return run(tx.select().from(billingSessions).where(isOpen).orderBy(billingSessions.createdAt).limit(limit));
  },
};

export const disputeRepository = {
  /** Keeps the row until `tx` ends. */
  async lock(tx: Tx, id: string): Promise<DisputeRow | undefined> {
    const [row] = await run(tx.select().from(paymentDisputes).where(eq(paymentDisputes.id, id)).for("update"));
    return row;
  },

  async put(tx: Tx, row: typeof paymentDisputes.$inferInsert): Promise<void> {
    const { id: _id, createdAt: _createdAt, ...changes } = row;
    await run(tx.insert(paymentDisputes).values(row).onConflictDoUpdate({ target: paymentDisputes.id, set: changes }));
  },

  /** Of an account, one apart: those that stand against it. */
  async othersCharged(tx: Tx, accountId: string, apartFrom: string): Promise<number> {
    const isCharged = and(
      eq(paymentDisputes.accountId, accountId),
      eq(paymentDisputes.state, "charged"),
      ne(paymentDisputes.id, apartFrom),
    );
    const [row] = await run(tx.select({ disputes: count() }).from(paymentDisputes).where(isCharged));
    return row?.disputes ?? 0;
  },
};

/** Whether an account may move money. */
export const standingRepository = {
  /** Keeps others from moving the account's money out until `tx` ends. Null while nothing is against it. */
  async lock(tx: Tx, accountId: string): Promise<string | null> {
    const isOwn = eq(users.accountId, accountId);
    const [row] = await run(tx.select({ reason: users.frozenReason }).from(users).where(isOwn).for("no key update"));
    return row?.reason ?? null;
  },

  /** One that is frozen already keeps its reason. */
  async freeze(tx: Tx, accountId: string, reason: string): Promise<void> {
    await run(
      tx
        .update(users)
        .set({ frozenReason: reason })
        .where(and(eq(users.accountId, accountId), isNull(users.frozenReason))),
    );
  },

  /** Only if it was frozen for this reason. */
  async thaw(tx: Tx, accountId: string, reason: string): Promise<void> {
    await run(
      tx
        .update(users)
        .set({ frozenReason: null })
        .where(and(eq(users.accountId, accountId), eq(users.frozenReason, reason))),
    );
  },
};
