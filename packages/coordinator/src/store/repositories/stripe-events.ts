import { and, asc, eq, isNull, lt, lte, sql } from "drizzle-orm";
import { run } from "../run-query.js";
import { stripeCatchUp, stripeEvents } from "../schema/index.js";
import type { Tx } from "../tx.js";

export type StripeEventRow = typeof stripeEvents.$inferSelect;

export const stripeEventRepository = {
  /** False when it was received before. */
  async insert(tx: Tx, row: Pick<StripeEventRow, "eventId" | "endpoint" | "type" | "livemode" | "payload" | "receivedAt" | "nextAt">) {
    const rows = await run(tx.insert(stripeEvents).values(row).onConflictDoNothing().returning({ id: stripeEvents.eventId }));
    return rows.length > 0;
  },

  /** The event, if nobody has processed it; whoever else would process it waits until `tx` ends. */
  async lockUnprocessed(tx: Tx, eventId: string): Promise<StripeEventRow | undefined> {
    const isOpen = and(eq(stripeEvents.eventId, eventId), isNull(stripeEvents.processedAt));
    const [row] = await run(tx.select().from(stripeEvents).where(isOpen).for("update"));
    return row;
  },

  async processed(tx: Tx, eventId: string, at: Date): Promise<void> {
    await run(tx.update(stripeEvents).set({ processedAt: at, lastError: null }).where(eq(stripeEvents.eventId, eventId)));
  },

  async failed(tx: Tx, eventId: string, { error, nextAt }: { readonly error: string; readonly nextAt: Date }): Promise<void> {
    const values = { attempts: sql`${stripeEvents.attempts} + 1`, lastError: error, nextAt };
    await run(
      tx
        .update(stripeEvents)
        .set(values)
        .where(and(eq(stripeEvents.eventId, eventId), isNull(stripeEvents.processedAt))),
    );
  },

  /** Until when Stripe was asked for what never came; undefined if never. */
  async heardUntil(tx: Tx): Promise<Date | undefined> {
    const [row] = await run(tx.select().from(stripeCatchUp));
    return row?.heardUntil;
  },

  /** From when on it is to be asked the next time; it never goes back. */
  async hearFrom(tx: Tx, until: Date): Promise<void> {
    const latest = sql`greatest(${stripeCatchUp.heardUntil}, excluded.heard_until)`;
    const insert = tx.insert(stripeCatchUp).values({ id: 1, heardUntil: until });
    await run(insert.onConflictDoUpdate({ target: stripeCatchUp.id, set: { heardUntil: latest } }));
  },

  /** Ids of those whose turn has come again, longest due first. */
  async due(tx: Tx, now: Date, limit: number): Promise<readonly string[]> {
    const isDue = and(isNull(stripeEvents.processedAt), lte(stripeEvents.nextAt, now));
    const rows = await run(
      tx.select({ id: stripeEvents.eventId }).from(stripeEvents).where(isDue).orderBy(asc(stripeEvents.nextAt)).limit(limit),
    );
    return rows.map(({ id }) => id);
  },

  async depth(tx: Tx): Promise<{ readonly unprocessed: number; readonly oldest: Date | null }> {
    const [row] = await run(
      tx
        .select({
          unprocessed: sql<number>`count(*)::int`,
          oldest: sql`min(${stripeEvents.receivedAt})`.mapWith(stripeEvents.receivedAt),
        })
        .from(stripeEvents)
        .where(isNull(stripeEvents.processedAt)),
    );
    return row ?? { unprocessed: 0, oldest: null };
  },

  async removeProcessed(tx: Tx, before: Date): Promise<void> {
    await run(tx.delete(stripeEvents).where(lt(stripeEvents.processedAt, before)));
  },
};
