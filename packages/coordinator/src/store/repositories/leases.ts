import { and, eq, lte, or, sql } from "drizzle-orm";
import { run } from "../run-query.js";
import { jobLeases } from "../schema/index.js";
import type { Tx } from "../tx.js";

export interface Lease {
  /** Of the job. */
  readonly name: string;
  readonly owner: string;
  readonly until: Date;
}

/** Jobs that one coordinator is to do. */
export const leaseRepository = {
  /** Takes the job, or keeps it for longer. False while it is somebody else's. */
  async take(tx: Tx, lease: Lease, now: Date): Promise<boolean> {
    const isFree = or(eq(jobLeases.owner, lease.owner), lte(jobLeases.until, now));
    const rows = await run(
      tx
        .insert(jobLeases)
        .values(lease)
        .onConflictDoUpdate({
          target: jobLeases.name,
          set: { owner: sql`excluded.owner`, until: sql`excluded.until` },
          ...(isFree === undefined ? {} : { setWhere: isFree }),
        })
        .returning({ name: jobLeases.name }),
    );
    return rows.length > 0;
  },

  /** Leaves the job alone for everybody, its owner too, until then. */
  async rest(tx: Tx, { name, owner, until }: Lease): Promise<void> {
    await run(
      tx
        .update(jobLeases)
        .set({ owner: "", until })
        .where(and(eq(jobLeases.name, name), eq(jobLeases.owner, owner))),
    );
  },
};
