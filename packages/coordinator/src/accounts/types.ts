/** Limits and policy of an API key (api.md §21). */
export interface KeyRecord {
  readonly id: string;
  readonly accountId: string;
  readonly name: string;
  /** First ten and last four characters of the secret. */
  readonly label: string;
  readonly disabled: boolean;
  readonly limit_microUsd: bigint | null;
  readonly limitReset: "none" | "daily" | "weekly" | "monthly";
  /** Requests, input tokens and output tokens per minute; null inherits the account's limits. */
  readonly rpmLimit: number | null;
  readonly itpmLimit: number | null;
  readonly otpmLimit: number | null;
  readonly allowedModels: readonly string[];
  /** The key reaches the account's own machines only, and spends nothing. */
  readonly selfRouteOnly: boolean;
  readonly expiresAt: Date | null;
  readonly createdAt: Date;
  readonly lastUsedAt: Date | null;
  /** Whether its account is a trusted aggregator; said where a caller is known by the key. */
  readonly isService?: boolean;
}

/** Who is calling and how they proved it. Money and admin routes check `method`. */
export interface Principal {
  readonly accountId: string;
  readonly method: "api_key" | "provider_token" | "session" | "admin_key";
  readonly key: KeyRecord | undefined;
  /** Of the method `session`. */
  readonly session?: SessionFacts;
}

/** How somebody has signed in. */
export interface SessionFacts {
  /**
   * `cookie`: a browser, which sends it whoever asks. `bearer`: a program with a session of its own. `signed`: a token that the coordinator has
   * signed, and keeps nothing of. `issuer`: a token of another identity provider.
   */
  readonly how: "cookie" | "bearer" | "signed" | "issuer";
  /** Of one that can be listed and revoked. */
  readonly id?: string;
  /** Whether its issuer says that this person is an operator. */
  readonly operator?: boolean;
  /** When this person last proved who they are. */
  readonly provenAt: Date;
}

export interface NewKey {
  readonly accountId: string;
  readonly name?: string;
  readonly limit_microUsd?: bigint | null;
  readonly limitReset?: KeyRecord["limitReset"];
  readonly rpmLimit?: number | null;
  readonly itpmLimit?: number | null;
  readonly otpmLimit?: number | null;
  readonly allowedModels?: readonly string[];
  readonly selfRouteOnly?: boolean;
  readonly expiresAt?: Date | null;
}

/** What changes of a key; absent stays as it is, null takes a limit or an end away. */
export interface KeyChange extends Omit<NewKey, "accountId"> {
  readonly disabled?: boolean;
}

/** A key with its secret, which is shown this once. */
export interface IssuedKey {
  readonly secret: string;
  readonly record: KeyRecord;
}

/** A token that makes machines an account's own. Its secret was shown once. */
export interface ProviderTokenRecord {
  readonly id: string;
  /** What the machine called itself when it was linked. */
  readonly label: string;
  readonly expiresAt: Date | null;
  readonly createdAt: Date;
  readonly lastUsedAt: Date | null;
}

/** People, API keys and machine links. Secrets are returned once and stored as SHA-256. */
export interface Accounts {
  /** The principal of a bearer token, or undefined for an unknown, disabled or expired one. @throws when the database cannot answer. */
  authenticate(token: string): Promise<Principal | undefined>;
  /** The principal of a session that a browser sends as a cookie; undefined for anything else. @throws when the database cannot answer. */
  authenticateCookie(token: string): Promise<Principal | undefined>;
  /** Creates the account if there is none of this id. */
  ensureAccount(accountId: string, displayName: string): Promise<void>;
  createKey(key: NewKey): Promise<IssuedKey>;
  /** The key that stands for what the account does on the console; made when it is first needed. Nobody has its secret. */
  consoleKey(accountId: string): Promise<KeyRecord>;
  listKeys(accountId: string): Promise<readonly KeyRecord[]>;
  getKey(accountId: string, keyId: string): Promise<KeyRecord | undefined>;
  /** The key of a secret, whoever owns it, disabled and expired ones too. */
  keyBySecret(secret: string): Promise<KeyRecord | undefined>;
  /** Undefined when there is no such key of this account. Effective on the next request of every coordinator. */
  updateKey(accountId: string, keyId: string, change: KeyChange): Promise<KeyRecord | undefined>;
  /** A new secret for the same key; the old one is dead when this resolves. Undefined when there is no such key of this account. */
  rotateKey(accountId: string, keyId: string): Promise<IssuedKey | undefined>;
  /** False when there is no such key of this account. Effective on the next request of every coordinator. */
  revokeKey(accountId: string, keyId: string): Promise<boolean>;
  issueProviderToken(accountId: string, label: string, expiresAt?: Date): Promise<string>;
  /** Those that are not revoked, newest first. */
  listProviderTokens(accountId: string): Promise<readonly ProviderTokenRecord[]>;
  /** Undefined for one that is unknown, revoked or expired. Never cached. */
  providerTokenBySecret(token: string): Promise<ProviderTokenRecord | undefined>;
  /** False when it is none, or revoked already. Connections made with it end as soon as their coordinator hears of it. */
  revokeProviderToken(token: string): Promise<boolean>;
  /** The same by its id; false also when it is another account's. */
  revokeProviderTokenById(accountId: string, tokenId: string): Promise<boolean>;
  /** The accounts of those that are neither revoked nor expired, by token. Never cached. */
  usableProviderTokens(tokens: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Calls when provider tokens may have ended, whoever ended them. @returns what stops that */
  onProviderTokensChanged(listener: () => void): () => void;
  /** Account of a provider token; undefined when unknown or revoked. Never cached. */
  providerAccount(token: string): Promise<string | undefined>;
  close(): Promise<void>;
}
