import { lt } from "drizzle-orm";
import { run } from "../run-query.js";
import { rejections } from "../schema/index.js";
import type { Tx } from "../tx.js";

export type RejectionRow = typeof rejections.$inferInsert;

export const rejectionRepository = {
  async insert(tx: Tx, rows: readonly RejectionRow[]): Promise<void> {
    await run(tx.insert(rejections).values([...rows]));
  },

  async removeOlderThan(tx: Tx, at: Date): Promise<void> {
    await run(tx.delete(rejections).where(lt(rejections.createdAt, at)));
  },
};
