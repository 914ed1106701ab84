import { and, desc, eq, gte, lt, or } from "drizzle-orm";
import { run } from "../run-query.js";
import { rejections } from "../schema/index.js";
import type { Tx } from "../tx.js";

export type RejectionRow = typeof rejections.$inferInsert;
export type StoredRejectionRow = typeof rejections.$inferSelect;

interface RejectionFilter {
  readonly since: Date;
  readonly until?: Date;
  readonly reason?: string;
  readonly stage?: string;
  /** As it was asked for, or the build that it stood for. */
  readonly model?: string;
  readonly couldHaveServed?: boolean;
  /** Only rows before this one. */
  readonly before?: number;
  readonly limit: number;
}

export const rejectionRepository = {
  async insert(tx: Tx, rows: readonly RejectionRow[]): Promise<void> {
    await run(tx.insert(rejections).values([...rows]));
  },

  /** Latest first. */
  async browse(tx: Tx, filter: RejectionFilter): Promise<StoredRejectionRow[]> {
    const { since, until, reason, stage, model, couldHaveServed, before, limit } = filter;
    const conditions = [
      gte(rejections.createdAt, since),
      until && lt(rejections.createdAt, until),
      reason === undefined ? undefined : eq(rejections.reason, reason),
      stage === undefined ? undefined : eq(rejections.stage, stage),
      model === undefined ? undefined : or(eq(rejections.requestedModel, model), eq(rejections.resolvedModel, model)),
      couldHaveServed === undefined ? undefined : eq(rejections.couldHaveServed, couldHaveServed),
      before === undefined ? undefined : lt(rejections.id, before),
    ];
    return run(
      tx
        .select()
        .from(rejections)
        .where(and(...conditions))
        .orderBy(desc(rejections.id))
        .limit(limit),
    );
  },

  async removeOlderThan(tx: Tx, at: Date): Promise<void> {
    await run(tx.delete(rejections).where(lt(rejections.createdAt, at)));
  },
};
