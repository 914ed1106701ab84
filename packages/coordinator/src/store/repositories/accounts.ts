import { and, count, desc, eq, gt, inArray, isNull, or, sql } from "drizzle-orm";
import { run } from "../run-query.js";
import { apiKeys, providerTokens, users } from "../schema/index.js";
import type { Tx } from "../tx.js";

export type KeyRow = typeof apiKeys.$inferSelect;
export type NewKeyRow = typeof apiKeys.$inferInsert;
export type ProviderTokenRow = typeof providerTokens.$inferSelect;
export type NewProviderTokenRow = typeof providerTokens.$inferInsert;

export const accountRepository = {
  /** False when it existed already. */
  async insertIfAbsent(
    tx: Tx,
    accountId: string,
    displayName: string,
    email: { readonly email?: string; readonly emailPending?: boolean } = {},
  ): Promise<boolean> {
    const rows = await run(
      tx
        .insert(users)
        .values({ accountId, displayName, ...email })
        .onConflictDoNothing()
        .returning({ id: users.accountId }),
    );
    return rows.length > 0;
  },

  /** Keeps the account's row until the transaction ends. False when there is no such account. */
  async lock(tx: Tx, accountId: string): Promise<boolean> {
    const rows = await run(tx.select({ id: users.accountId }).from(users).where(eq(users.accountId, accountId)).for("no key update"));
    return rows.length > 0;
  },
};

/** API keys. A deleted key is invisible here; its row stays for the sake of usage. */
export const keyRepository = {
  async insert(tx: Tx, key: NewKeyRow): Promise<KeyRow> {
    const [row] = await run(tx.insert(apiKeys).values(key).returning());
    if (!row) throw new Error("the database returned no row for an inserted key");
    return row;
  },

  /** With the role of its account. */
  async byHash(tx: Tx, keyHash: string): Promise<(KeyRow & { readonly role: string }) | undefined> {
    const [row] = await run(
      tx
        .select({ key: apiKeys, role: users.role })
        .from(apiKeys)
        .innerJoin(users, eq(users.accountId, apiKeys.ownerAccountId))
        .where(eq(apiKeys.keyHash, keyHash)),
    );
    return row && { ...row.key, role: row.role };
  },

  async byId(tx: Tx, accountId: string, keyId: string): Promise<KeyRow | undefined> {
    const [row] = await run(
      tx
        .select()
        .from(apiKeys)
        .where(and(eq(apiKeys.id, keyId), ownedBy(accountId))),
    );
    return row;
  },

  /** The key that stands for the account's use of the console, if it has one. */
  async ofConsole(tx: Tx, accountId: string): Promise<KeyRow | undefined> {
    const [row] = await run(
      tx
        .select()
        .from(apiKeys)
        .where(and(ownedBy(accountId), eq(apiKeys.console, true))),
    );
    return row;
  },

  /** False when the account has such a key already. */
  async insertOfConsole(tx: Tx, key: NewKeyRow): Promise<boolean> {
    const inserted = await run(
      tx
        .insert(apiKeys)
        .values({ ...key, console: true })
        .onConflictDoNothing()
        .returning({ id: apiKeys.id }),
    );
    return inserted.length > 0;
  },

  /** Newest first. */
  async ofAccount(tx: Tx, accountId: string): Promise<readonly KeyRow[]> {
    return run(tx.select().from(apiKeys).where(ownedBy(accountId)).orderBy(desc(apiKeys.createdAt), desc(apiKeys.id)));
  },

  async countOfAccount(tx: Tx, accountId: string): Promise<number> {
    const [row] = await run(tx.select({ keys: count() }).from(apiKeys).where(ownedBy(accountId)));
    return row?.keys ?? 0;
  },

  /** Undefined when the account has no such key. */
  async update(tx: Tx, accountId: string, keyId: string, values: Partial<NewKeyRow>): Promise<KeyRow | undefined> {
    const key = and(eq(apiKeys.id, keyId), ownedBy(accountId));
    if (Object.keys(values).length === 0) return keyRepository.byId(tx, accountId, keyId);
    const [row] = await run(tx.update(apiKeys).set(values).where(key).returning());
    return row;
  },

  /** Brings what the key has spent up to date in the window that is open now, after the rule of its windows has changed. */
  async openWindow(tx: Tx, keyId: string, at: Date): Promise<void> {
    await run(
      tx.execute(sql`select ledger_open_window(id, ledger_window_start(limit_reset, ${at.toISOString()}::timestamptz))
        from api_keys where id = ${keyId}`),
    );
  },

  async touch(tx: Tx, keyId: string, at: Date): Promise<void> {
    await run(tx.update(apiKeys).set({ lastUsedAt: at }).where(eq(apiKeys.id, keyId)));
  },

  /** False when the account has no such key. */
  async remove(tx: Tx, accountId: string, keyId: string, at: Date): Promise<boolean> {
    const removed = await run(
      tx
        .update(apiKeys)
        .set({ deletedAt: at, keyHash: null })
        .where(and(eq(apiKeys.id, keyId), ownedBy(accountId)))
        .returning({ id: apiKeys.id }),
    );
    return removed.length > 0;
  },
};

export const providerTokenRepository = {
  async insert(tx: Tx, token: NewProviderTokenRow): Promise<void> {
    await run(tx.insert(providerTokens).values(token));
  },

  /** Tokens that are not revoked. */
  async countOfAccount(tx: Tx, accountId: string): Promise<number> {
    const [row] = await run(
      tx
        .select({ tokens: count() })
        .from(providerTokens)
        .where(and(eq(providerTokens.accountId, accountId), isNull(providerTokens.revokedAt))),
    );
    return row?.tokens ?? 0;
  },

  /** The token, when it is neither revoked nor expired. */
  async usable(tx: Tx, tokenHash: string, at: Date): Promise<ProviderTokenRow | undefined> {
    const [row] = await run(
      tx
        .select()
        .from(providerTokens)
        .where(and(eq(providerTokens.tokenHash, tokenHash), isNull(providerTokens.revokedAt), notExpired(at))),
    );
    return row;
  },

  /** Those that are neither revoked nor expired. */
  async usableAmong(
    tx: Tx,
    tokenHashes: readonly string[],
    at: Date,
  ): Promise<readonly { readonly hash: string; readonly accountId: string }[]> {
    if (tokenHashes.length === 0) return [];
    const usable = and(inArray(providerTokens.tokenHash, [...tokenHashes]), isNull(providerTokens.revokedAt), notExpired(at));
    const { tokenHash: hash, accountId } = providerTokens;
    return run(tx.select({ hash, accountId }).from(providerTokens).where(usable));
  },

  /** Those that are not revoked, newest first. */
  async ofAccount(tx: Tx, accountId: string): Promise<readonly ProviderTokenRow[]> {
    const standing = and(eq(providerTokens.accountId, accountId), isNull(providerTokens.revokedAt));
    return run(tx.select().from(providerTokens).where(standing).orderBy(desc(providerTokens.createdAt), desc(providerTokens.id)));
  },

  /** False when the account has no such token, or it was revoked before. */
  async revokeById(tx: Tx, accountId: string, tokenId: string, at: Date): Promise<boolean> {
    const standing = and(eq(providerTokens.id, tokenId), eq(providerTokens.accountId, accountId), isNull(providerTokens.revokedAt));
    const revoked = await run(tx.update(providerTokens).set({ revokedAt: at }).where(standing).returning({ id: providerTokens.id }));
    return revoked.length > 0;
  },

  /** False when there is none, or it was revoked before. */
  async revoke(tx: Tx, tokenHash: string, at: Date): Promise<boolean> {
    const standing = and(eq(providerTokens.tokenHash, tokenHash), isNull(providerTokens.revokedAt));
    const revoked = await run(tx.update(providerTokens).set({ revokedAt: at }).where(standing).returning({ id: providerTokens.id }));
    return revoked.length > 0;
  },

  async touch(tx: Tx, tokenId: string, at: Date): Promise<void> {
    await run(tx.update(providerTokens).set({ lastUsedAt: at }).where(eq(providerTokens.id, tokenId)));
  },
};

function ownedBy(accountId: string) {
  return and(eq(apiKeys.ownerAccountId, accountId), isNull(apiKeys.deletedAt));
}

function notExpired(at: Date) {
  return or(isNull(providerTokens.expiresAt), gt(providerTokens.expiresAt, at));
}
