import { and, count, eq, gt, ilike, isNull, lt, max, or, sql } from "drizzle-orm";
import { run } from "../run-query.js";
import { adminRequests, apiKeys, balances, providers, users } from "../schema/index.js";
import type { Tx } from "../tx.js";

export type UserRow = typeof users.$inferSelect;

/** What operators' idempotency keys stand for. */
export const adminRequestRepository = {
  /** False when the key is taken: by a request that has ended, because one that is under way is waited for. */
  async claim(tx: Tx, request: Omit<typeof adminRequests.$inferInsert, "answer">): Promise<boolean> {
    const rows = await run(tx.insert(adminRequests).values(request).onConflictDoNothing().returning({ key: adminRequests.idempotencyKey }));
    return rows.length > 0;
  },

  async complete(tx: Tx, idempotencyKey: string, answer: unknown): Promise<void> {
    await run(tx.update(adminRequests).set({ answer }).where(eq(adminRequests.idempotencyKey, idempotencyKey)));
  },

  async byKey(tx: Tx, idempotencyKey: string): Promise<typeof adminRequests.$inferSelect | undefined> {
    const [row] = await run(tx.select().from(adminRequests).where(eq(adminRequests.idempotencyKey, idempotencyKey)));
    return row;
  },

  async removeOlder(tx: Tx, than: Date): Promise<void> {
    await run(tx.delete(adminRequests).where(lt(adminRequests.createdAt, than)));
  },
};

/** Accounts as operators see them. */
export const userRepository = {
  async byId(tx: Tx, accountId: string): Promise<UserRow | undefined> {
    const [row] = await run(tx.select().from(users).where(eq(users.accountId, accountId)));
    return row;
  },

  /** Keeps the row until the transaction ends. */
  async lock(tx: Tx, accountId: string): Promise<UserRow | undefined> {
    const [row] = await run(tx.select().from(users).where(eq(users.accountId, accountId)).for("no key update"));
    return row;
  },

  /** Accounts that have not been erased. @param email in lower case */
  async byEmail(tx: Tx, email: string, limit: number): Promise<readonly UserRow[]> {
    return run(
      tx
        .select()
        .from(users)
        .where(and(eq(users.email, email), isNull(users.erasedAt)))
        .orderBy(users.accountId)
        .limit(limit),
    );
  },

  async update(tx: Tx, accountId: string, change: Partial<Pick<UserRow, "role" | "platformFeePercent" | "frozenReason">>): Promise<void> {
    await run(tx.update(users).set(change).where(eq(users.accountId, accountId)));
  },

  /** Accounts whose id, e-mail or name has the text in it, or all; by id, those behind `after`. */
  async search(tx: Tx, { text, after, limit }: { readonly text: string; readonly after: string | undefined; readonly limit: number }) {
    const pattern = `%${text.replace(/[\\%_]/g, (character) => `\\${character}`)}%`;
    const matches = or(ilike(users.accountId, pattern), ilike(users.email, pattern), ilike(users.displayName, pattern));
    const keys = tx
      .select({ accountId: apiKeys.ownerAccountId, keys: count().as("keys"), lastUsedAt: max(apiKeys.lastUsedAt).as("last_used_at") })
      .from(apiKeys)
      .where(isNull(apiKeys.deletedAt))
      .groupBy(apiKeys.ownerAccountId)
      .as("keys");
    const machines = tx
      .select({ accountId: providers.accountId, machines: count().as("machines") })
      .from(providers)
      .groupBy(providers.accountId)
      .as("machines");
    return run(
      tx
        .select({
          user: users,
          balance_microUsd: sql<bigint>`coalesce(${balances.balance_microUsd}, 0)`.mapWith(BigInt),
          withdrawable_microUsd: sql<bigint>`coalesce(${balances.withdrawable_microUsd}, 0)`.mapWith(BigInt),
          held_microUsd: sql<bigint>`coalesce(${balances.held_microUsd}, 0)`.mapWith(BigInt),
          keys: sql<number>`coalesce(${keys.keys}, 0)`.mapWith(Number),
          machines: sql<number>`coalesce(${machines.machines}, 0)`.mapWith(Number),
          lastUsedAt: keys.lastUsedAt,
        })
        .from(users)
        .leftJoin(balances, eq(balances.accountId, users.accountId))
        .leftJoin(keys, eq(keys.accountId, users.accountId))
        .leftJoin(machines, eq(machines.accountId, users.accountId))
        .where(and(text === "" ? undefined : matches, after === undefined ? undefined : gt(users.accountId, after)))
        .orderBy(users.accountId)
        .limit(limit),
    );
  },
};
