import { and, desc, eq, lt } from "drizzle-orm";
import { run } from "../run-query.js";
import { adminAudit } from "../schema/index.js";
import type { Tx } from "../tx.js";

export type AuditRow = typeof adminAudit.$inferSelect;
type NewAuditRow = typeof adminAudit.$inferInsert;

export const auditRepository = {
  async insert(tx: Tx, row: NewAuditRow): Promise<void> {
    await run(tx.insert(adminAudit).values(row));
  },

  /** Latest first. */
  async browse(
    tx: Tx,
    { target, before, limit }: { readonly target?: string; readonly before?: number; readonly limit: number },
  ): Promise<AuditRow[]> {
    const conditions = [
      target === undefined ? undefined : eq(adminAudit.target, target),
      before === undefined ? undefined : lt(adminAudit.id, before),
    ];
    return run(
      tx
        .select()
        .from(adminAudit)
        .where(and(...conditions))
        .orderBy(desc(adminAudit.id))
        .limit(limit),
    );
  },
};
