import { and, asc, desc, eq, inArray, lt, or } from "drizzle-orm";
import { run } from "../run-query.js";
import { logReportParts, logReports } from "../schema/index.js";
import type { Tx } from "../tx.js";

type LogReportRow = typeof logReports.$inferSelect;

interface LogReportFilter {
  readonly accountId?: string;
  /** Of the token, or the machine's pseudonym. */
  readonly machine?: string;
}

export const logReportRepository = {
  async insert(tx: Tx, row: LogReportRow, parts: readonly string[]): Promise<void> {
    await run(tx.insert(logReports).values(row));
    for (const [part, content] of parts.entries()) await run(tx.insert(logReportParts).values({ reportId: row.id, part, content }));
  },

  /** Latest first. */
  async list(tx: Tx, { accountId, machine }: LogReportFilter, limit: number): Promise<readonly LogReportRow[]> {
    const conditions = [
      accountId === undefined ? undefined : eq(logReports.accountId, accountId),
      machine === undefined ? undefined : or(eq(logReports.machine, machine), eq(logReports.provider, machine)),
    ];
    return run(
      tx
        .select()
        .from(logReports)
        .where(and(...conditions))
        .orderBy(desc(logReports.createdAt), desc(logReports.id))
        .limit(limit),
    );
  },

  /** Its pieces in order; none of one that is not there. */
  async parts(tx: Tx, id: string): Promise<readonly string[]> {
    const { content, part, reportId } = logReportParts;
    const rows = await run(tx.select({ content }).from(logReportParts).where(eq(reportId, id)).orderBy(asc(part)));
    return rows.map((row) => row.content);
  },

  /** Keeps the latest of a machine, so many. */
  async thinOut(tx: Tx, machine: string, kept: number): Promise<void> {
    const { id, createdAt } = logReports;
    const older = await run(
      tx
        .select({ id })
        .from(logReports)
        .where(eq(logReports.machine, machine))
        .orderBy(desc(createdAt), desc(id))
        .offset(kept)
        .limit(1_000),
    );
    if (older.length === 0) return;
    await run(
      tx.delete(logReports).where(
        inArray(
          id,
          older.map((row) => row.id),
        ),
      ),
    );
  },

  /** False when the account has none of this id. */
  async remove(tx: Tx, id: string, accountId: string): Promise<boolean> {
    const own = and(eq(logReports.id, id), eq(logReports.accountId, accountId));
    return (await run(tx.delete(logReports).where(own).returning({ id: logReports.id }))).length > 0;
  },

  async removeOlderThan(tx: Tx, at: Date): Promise<void> {
    await run(tx.delete(logReports).where(lt(logReports.createdAt, at)));
  },
};
