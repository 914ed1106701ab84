import type { Clock } from "@umbel/protocol";
import {
  accountRepository,
  createRowCache,
  type KeyRow,
  keyRepository,
  providerTokenRepository,
  type Store,
  type Tx,
} from "../store/index.js";
import { AccountsError, AccountsUnavailableError } from "./accounts-error.js";
import { ask } from "./ask.js";
import type { ExternalIssuers } from "./issuers/external-issuers.js";
import { createLastUse } from "./last-use.js";
import { ACCOUNT_LIMITS, checkAccountId, checkedChange, checkedPolicy, checkedText } from "./rules.js";
import {
  hashSecret,
  isKeyId,
  isProviderToken,
  isProviderTokenId,
  isSessionSecret,
  newApiKey,
  newKeyId,
  newProviderToken,
  newProviderTokenId,
  TOKEN_CHARACTERS_MAX,
} from "./secrets.js";
import { isSignedToken, type Sessions } from "./sessions.js";
import type { PersonSessions } from "./sign-in/person-sessions.js";
import type { Accounts, KeyRecord, Principal, ProviderTokenRecord } from "./types.js";

/** Of known keys, and apart from them of unknown tokens (api.md §3.3). The time bounds how long a lost change notice can matter. */
export const KEY_CACHE = { entries_max: 1000, ttl_ms: 60_000 } as const;

export interface AccountsDependencies {
  readonly store: Store;
  readonly clock: Clock;
  /** Whose tokens are accepted, too; absent where nobody signs in. */
  readonly sessions?: Pick<Sessions, "read">;
  readonly personSessions?: Pick<PersonSessions, "read" | "extend">;
  readonly issuers?: ExternalIssuers;
}

/**
 * Accounts over the store. A revocation by any process is effective as soon as its notice arrives, and in any case after a minute.
 * Close it before the store.
 *
 * @throws AccountsError (from methods that create) a value breaks a rule; money.md §3
 * @throws AccountsUnavailableError (from every method) the database does not answer
 */
export async function createAccounts(dependencies: AccountsDependencies): Promise<Accounts> {
  const { store, clock, sessions, personSessions, issuers } = dependencies;
  const lastUse = createLastUse(clock);
  const keys = await ask(createRowCache<KeyRecord>({ store, clock, channel: "umbel_keys", found: KEY_CACHE, missing: KEY_CACHE }), clock);

  const tokenListeners = new Set<() => void>();
  const tokensChanged = (): void => {
    for (const listener of tokenListeners) listener();
  };
  const unlistenTokens = await ask(store.onChange("umbel_provider_tokens", tokensChanged), clock);

  async function loadKey(hash: string): Promise<KeyRecord | undefined> {
    const row = await ask(keyRepository.byHash(store.db, hash), clock);
    if (!row) return undefined;
    if (isUsable(row, clock.date())) lastUse.note(row, (id, at) => ask(keyRepository.touch(store.db, id, at), clock));
    const { role, ...key } = row;
    return { ...toRecord(key), isService: role === "service" };
  }

  /** Before: nothing read from now on may stay, because it may be older than the change. After: what was read meanwhile goes, too. */
  async function changing<T>(change: () => Promise<T>): Promise<T> {
    keys.invalidate();
    try {
      return await ask(change(), clock);
    } finally {
      keys.invalidate();
    }
  }

  async function byApiKey(token: string): Promise<Principal | undefined> {
    if (token.length > TOKEN_CHARACTERS_MAX) return undefined;
    const hash = hashSecret(token);
    const key = await keys.read(hash, () => loadKey(hash));
    // Judged at every use, because a key may expire while it is cached.
    return key && isUsable(key, clock.date()) ? { accountId: key.accountId, method: "api_key", key } : undefined;
  }

  async function bySession(token: string, how: "bearer" | "cookie"): Promise<Principal | undefined> {
    const session = await personSessions?.read(token);
    if (session === undefined) return undefined;
    if (how === "bearer") await personSessions?.extend(session);
    const { accountId, id, createdAt } = session;
    return { accountId, method: "session", key: undefined, session: { how, id, provenAt: createdAt } };
  }

  async function providerAccount(token: string): Promise<string | undefined> {
    if (!isProviderToken(token)) return undefined;
    const row = await ask(providerTokenRepository.usable(store.db, hashSecret(token), clock.date()), clock);
    if (row) lastUse.note(row, (id, at) => ask(providerTokenRepository.touch(store.db, id, at), clock));
    return row?.accountId;
  }

  return {
    async authenticate(token) {
      if (isSignedToken(token)) {
        if (issuers?.claims(token) === true) {
          const person = await issuers.read(token);
          if (person === undefined) return undefined;
          const { accountId, operator, provenAt } = person;
          return { accountId, method: "session", key: undefined, session: { how: "issuer", operator, provenAt } };
        }
        const session = await sessions?.read(token);
        if (session === undefined) return undefined;
        const { accountId, issuedAt } = session;
        return { accountId, method: "session", key: undefined, session: { how: "signed", provenAt: issuedAt } };
      }
      if (isSessionSecret(token)) return bySession(token, "bearer");
      if (!isProviderToken(token)) return byApiKey(token);
      const accountId = await providerAccount(token);
      return accountId === undefined ? undefined : { accountId, method: "provider_token", key: undefined };
    },

    authenticateCookie: (token) => bySession(token, "cookie"),

    async ensureAccount(accountId, displayName) {
      checkAccountId(accountId);
      const name = checkedText("display_name", displayName, ACCOUNT_LIMITS.displayName_characters_max);
      await ask(accountRepository.insertIfAbsent(store.db, accountId, name), clock);
    },

    async createKey(key) {
      checkAccountId(key.accountId);
      const createdAt = clock.date();
      const { allowedModels, ...policy } = checkedPolicy(key, createdAt);
      const { secret, hash, label } = newApiKey();
      const facts = { id: newKeyId(), keyHash: hash, label, ownerAccountId: key.accountId, allowedModels: [...allowedModels], createdAt };
      const inserted = store.transaction(async (tx) => {
        await lockAccount(tx, key.accountId);
        const limit = ACCOUNT_LIMITS.keysPerAccount_max;
        if ((await keyRepository.countOfAccount(tx, key.accountId)) >= limit) throw tooMany("keys", limit);
        return keyRepository.insert(tx, { ...policy, ...facts });
      });
      return { secret, record: toRecord(await ask(inserted, clock)) };
    },

    async consoleKey(accountId) {
      const known = await ask(keyRepository.ofConsole(store.db, accountId), clock);
      if (known !== undefined) return toRecord(known);
      const createdAt = clock.date();
      const { allowedModels: _all, ...policy } = checkedPolicy({ accountId, name: "Console" }, createdAt);
      // Its secret is thrown away: only a cookie uses it.
      const { hash: keyHash } = newApiKey();
      const facts = { id: newKeyId(), keyHash, label: "this console", ownerAccountId: accountId, allowedModels: [], createdAt };
      await ask(keyRepository.insertOfConsole(store.db, { ...policy, ...facts }), clock);
      const made = await ask(keyRepository.ofConsole(store.db, accountId), clock);
      if (made === undefined) throw new AccountsUnavailableError();
      return toRecord(made);
    },

    async listKeys(accountId) {
      const rows = await ask(keyRepository.ofAccount(store.db, accountId), clock);
      return rows.map(toRecord);
    },

    async getKey(accountId, keyId) {
      if (!isKeyId(keyId)) return undefined;
      const row = await ask(keyRepository.byId(store.db, accountId, keyId), clock);
      return row && toRecord(row);
    },

    async keyBySecret(secret) {
      if (secret.length > TOKEN_CHARACTERS_MAX) return undefined;
      const row = await ask(keyRepository.byHash(store.db, hashSecret(secret)), clock);
      return row && toRecord(row);
    },

    async updateKey(accountId, keyId, change) {
      const { allowedModels, ...rest } = checkedChange(change, clock.date());
      const values = { ...rest, ...(allowedModels === undefined ? {} : { allowedModels: [...allowedModels] }) };
      if (!isKeyId(keyId)) return undefined;
      const row = await changing(() =>
        store.transaction(async (tx) => {
          const changed = await keyRepository.update(tx, accountId, keyId, values);
          if (changed !== undefined && values.limitReset !== undefined) await keyRepository.openWindow(tx, keyId, clock.date());
          return changed;
        }),
      );
      return row && toRecord(row);
    },

    async rotateKey(accountId, keyId) {
      if (!isKeyId(keyId)) return undefined;
      const { secret, hash, label } = newApiKey();
      const row = await changing(() => keyRepository.update(store.db, accountId, keyId, { keyHash: hash, label }));
      return row && { secret, record: toRecord(row) };
    },

    async revokeKey(accountId, keyId) {
      if (!isKeyId(keyId)) return false;
      return changing(() => keyRepository.remove(store.db, accountId, keyId, clock.date()));
    },

    async issueProviderToken(accountId, label, expiresAt) {
      checkAccountId(accountId);
      const { secret, hash } = newProviderToken();
      const row = {
        id: newProviderTokenId(),
        tokenHash: hash,
        accountId,
        label: checkedText("label", label, ACCOUNT_LIMITS.name_characters_max),
        createdAt: clock.date(),
        expiresAt: expiresAt ?? null,
      };
      const inserted = store.transaction(async (tx) => {
        await lockAccount(tx, accountId);
        const limit = ACCOUNT_LIMITS.providerTokensPerAccount_max;
        if ((await providerTokenRepository.countOfAccount(tx, accountId)) >= limit) throw tooMany("provider_tokens", limit);
        await providerTokenRepository.insert(tx, row);
      });
      await ask(inserted, clock);
      return secret;
    },

    async listProviderTokens(accountId) {
      const rows = await ask(providerTokenRepository.ofAccount(store.db, accountId), clock);
      return rows.map(toTokenRecord);
    },

    async providerTokenBySecret(token) {
      if (!isProviderToken(token)) return undefined;
      const row = await ask(providerTokenRepository.usable(store.db, hashSecret(token), clock.date()), clock);
      return row && toTokenRecord(row);
    },

    async revokeProviderTokenById(accountId, tokenId) {
      if (!isProviderTokenId(tokenId)) return false;
      return ask(providerTokenRepository.revokeById(store.db, accountId, tokenId, clock.date()), clock);
    },

    async usableProviderTokens(tokens) {
      const byHash = new Map(tokens.filter(isProviderToken).map((token) => [hashSecret(token), token]));
      const usable = await ask(providerTokenRepository.usableAmong(store.db, [...byHash.keys()], clock.date()), clock);
      return new Map(
        usable.flatMap(({ hash, accountId }) => {
          const token = byHash.get(hash);
          return token === undefined ? [] : [[token, accountId]];
        }),
      );
    },

    onProviderTokensChanged(listener) {
      tokenListeners.add(listener);
      return () => tokenListeners.delete(listener);
    },

    async revokeProviderToken(token) {
      if (!isProviderToken(token)) return false;
      return ask(providerTokenRepository.revoke(store.db, hashSecret(token), clock.date()), clock);
    },

    providerAccount,

    async close() {
      await lastUse.flush();
      try {
        await ask(Promise.all([keys.close(), unlistenTokens()]), clock);
      } catch (error) {
        // Without a connection nothing listens any more, which is what was wanted.
        if (!(error instanceof AccountsUnavailableError)) throw error;
      }
    },
  };
}

/** Makes those who add to one account take turns, so that its limits hold. */
async function lockAccount(tx: Tx, accountId: string): Promise<void> {
  if (await accountRepository.lock(tx, accountId)) return;
  throw new AccountsError("unknown_account", "account_id", "an existing account");
}

function tooMany(field: "keys" | "provider_tokens", limit: number): AccountsError {
  return new AccountsError("too_many", field, `at most ${limit} of one account; revoke some first`);
}

function isUsable(key: { readonly disabled: boolean; readonly expiresAt: Date | null }, now: Date): boolean {
  return !key.disabled && (key.expiresAt === null || key.expiresAt > now);
}

function toTokenRecord({ id, label, expiresAt, createdAt, lastUsedAt }: ProviderTokenRecord): ProviderTokenRecord {
  return { id, label, expiresAt, createdAt, lastUsedAt };
}

function toRecord({ keyHash: _keyHash, deletedAt: _deletedAt, ownerAccountId, ...row }: KeyRow): KeyRecord {
  return { ...row, accountId: ownerAccountId };
}
