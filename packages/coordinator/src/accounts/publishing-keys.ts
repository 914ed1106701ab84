import type { Clock } from "@umbel/protocol";
import { auditRepository, type PublishingKeyRow, publishingKeyRepository, type Store } from "../store/index.js";
import { AccountsError } from "./accounts-error.js";
import { ask } from "./ask.js";
import { createLastUse } from "./last-use.js";
import { ACCOUNT_LIMITS, checkedText } from "./rules.js";
import { hashSecret, isPublishingKey, newPublishingKey, newPublishingKeyId } from "./secrets.js";

/**
 * What a publishing key may be for. `register`: drafts of versions; `promote`: what is in service, and how it is described and priced;
 * `alias`: what names stand for; `release`: releases of the provider program. Each may read the registry.
 */
export const PUBLISHING_SCOPES = ["register", "promote", "alias", "release"] as const;
export type PublishingScope = (typeof PUBLISHING_SCOPES)[number];

export const PUBLISHING_LIMITS = {
  /** Keys that stand at once. */
  keys_max: 100,
  /** Keys that a list shows, revoked ones too. */
  listed_max: 1_000,
} as const;

export interface PublishingKeyRecord {
  readonly id: string;
  readonly name: string;
  /** First ten and last four characters of the secret. */
  readonly label: string;
  readonly scopes: readonly PublishingScope[];
  /** Who made it: `admin-key` or an account. */
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  readonly lastUsedAt: Date | null;
  readonly revokedAt: Date | null;
}

export interface NewPublishingKey {
  readonly name: string;
  readonly scopes: readonly PublishingScope[];
  readonly expiresAt?: Date | null;
}

/** Keys of pipelines that publish models. They belong to no account: they reach the catalogue and nothing else. @throws AccountsUnavailableError */
export interface PublishingKeys {
  /** The key of a secret that is neither unknown, revoked nor expired. Never cached. */
  authenticate(secret: string): Promise<PublishingKeyRecord | undefined>;
  /** @throws AccountsError */
  create(key: NewPublishingKey, actor: string): Promise<{ readonly secret: string; readonly record: PublishingKeyRecord }>;
  /** Newest first, also those that were revoked. */
  list(): Promise<readonly PublishingKeyRecord[]>;
  /** Effective on the next request of every coordinator. False when there is no such key, or it was revoked before. */
  revoke(id: string, actor: string): Promise<boolean>;
  close(): Promise<void>;
}

export function createPublishingKeys({ store, clock }: { readonly store: Store; readonly clock: Clock }): PublishingKeys {
  const lastUse = createLastUse(clock);

  return {
    async authenticate(secret) {
      if (!isPublishingKey(secret)) return undefined;
      const row = await ask(publishingKeyRepository.usable(store.db, hashSecret(secret), clock.date()), clock);
      if (row === undefined) return undefined;
      lastUse.note(row, (id, at) => ask(publishingKeyRepository.touch(store.db, id, at), clock));
      return toRecord(row);
    },

    async create({ name, scopes, expiresAt = null }, actor) {
      const createdAt = clock.date();
      const text = checkedText("name", name, ACCOUNT_LIMITS.name_characters_max);
      if (text === "") throw new AccountsError("invalid", "name", "there: the audit knows keys by their names");
      if (expiresAt !== null && expiresAt <= createdAt) throw new AccountsError("invalid", "expires_at", "a time in the future");
      const { secret, hash, label } = newPublishingKey();
      const facts = { id: newPublishingKeyId(), name: text, scopes: [...new Set(scopes)], createdBy: actor, createdAt, expiresAt };
      const row = { ...facts, keyHash: hash, label, lastUsedAt: null, revokedAt: null };
      const inserted = store.transaction(async (tx) => {
        if ((await publishingKeyRepository.countStanding(tx)) >= PUBLISHING_LIMITS.keys_max) {
          throw new AccountsError("too_many", "keys", `at most ${PUBLISHING_LIMITS.keys_max} at once; revoke some first`);
        }
        await publishingKeyRepository.insert(tx, row);
        const after = { name: text, scopes: facts.scopes, expires_at: expiresAt?.toISOString() ?? null };
        await auditRepository.insert(tx, { at: createdAt, actor, action: "publishing_key.create", target: row.id, before: null, after });
      });
      await ask(inserted, clock);
      return { secret, record: toRecord(row) };
    },

    async list() {
      return (await ask(publishingKeyRepository.all(store.db, PUBLISHING_LIMITS.listed_max), clock)).map(toRecord);
    },

    async revoke(id, actor) {
      const at = clock.date();
      const revoked = store.transaction(async (tx) => {
        const row = await publishingKeyRepository.revoke(tx, id, at);
        if (row === undefined) return false;
        const before = { name: row.name, scopes: row.scopes };
        await auditRepository.insert(tx, { at, actor, action: "publishing_key.revoke", target: id, before, after: null });
        return true;
      });
      return ask(revoked, clock);
    },

    close: () => lastUse.flush(),
  };
}

function toRecord({ keyHash: _keyHash, ...row }: PublishingKeyRow): PublishingKeyRecord {
  return row;
}
