import { and, count, desc, eq, gt, isNull, or } from "drizzle-orm";
import { run } from "../run-query.js";
import { publishingKeys } from "../schema/index.js";
import type { Tx } from "../tx.js";

export type PublishingKeyRow = typeof publishingKeys.$inferSelect;
type NewPublishingKeyRow = typeof publishingKeys.$inferInsert;

export const publishingKeyRepository = {
  async insert(tx: Tx, key: NewPublishingKeyRow): Promise<void> {
    await run(tx.insert(publishingKeys).values(key));
  },

  /** The key, when it is neither revoked nor expired. */
  async usable(tx: Tx, keyHash: string, at: Date): Promise<PublishingKeyRow | undefined> {
    const unexpired = or(isNull(publishingKeys.expiresAt), gt(publishingKeys.expiresAt, at));
    const [row] = await run(
      tx
        .select()
        .from(publishingKeys)
        .where(and(eq(publishingKeys.keyHash, keyHash), isNull(publishingKeys.revokedAt), unexpired)),
    );
    return row;
  },

  /** Newest first, also those that were revoked. */
  async all(tx: Tx, limit: number): Promise<readonly PublishingKeyRow[]> {
    return run(tx.select().from(publishingKeys).orderBy(desc(publishingKeys.createdAt), desc(publishingKeys.id)).limit(limit));
  },

  /** Those that are not revoked. */
  async countStanding(tx: Tx): Promise<number> {
    const [row] = await run(tx.select({ keys: count() }).from(publishingKeys).where(isNull(publishingKeys.revokedAt)));
    return row?.keys ?? 0;
  },

  /** The key as it was; undefined when there is none, or it was revoked before. */
  async revoke(tx: Tx, id: string, at: Date): Promise<PublishingKeyRow | undefined> {
    const standing = and(eq(publishingKeys.id, id), isNull(publishingKeys.revokedAt));
    const [row] = await run(tx.update(publishingKeys).set({ revokedAt: at }).where(standing).returning());
    return row;
  },

  async touch(tx: Tx, id: string, at: Date): Promise<void> {
    await run(tx.update(publishingKeys).set({ lastUsedAt: at }).where(eq(publishingKeys.id, id)));
  },
};
