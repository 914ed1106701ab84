import { createHash } from "node:crypto";
import { createFakeClock } from "@umbel/protocol/testing";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openStore, type Store } from "../store/index.js";
import { createTestDatabase, type TestDatabase } from "../store/testing.js";
import { ANSWER_TIMEOUT_MS } from "./ask.js";
import { KEY_CACHE } from "./create-accounts.js";
import {
  type Accounts,
  AccountsError,
  AccountsUnavailableError,
  createAccounts,
  type KeyChange,
  type KeyRecord,
  type NewKey,
} from "./index.js";
import { LAST_USE_INTERVAL_MS } from "./last-use.js";
import { ACCOUNT_LIMITS } from "./rules.js";
import { TOKEN_CHARACTERS_MAX } from "./secrets.js";
import { createPostgresRelay, type PostgresRelay } from "./testing/postgres-relay.js";

const OWNER = "acme";
let database: TestDatabase;
let elsewhere: Store;
let relay: PostgresRelay;
let relayed: Store;
let clock: ReturnType<typeof createFakeClock>;
let accounts: Accounts;

beforeAll(async () => {
  database = await createTestDatabase();
  elsewhere = await openStore({ databaseUrl: database.databaseUrl });
  relay = await createPostgresRelay(database.databaseUrl);
  relayed = await openStore({ databaseUrl: relay.databaseUrl, connections_max: 4 });
});
afterAll(async () => {
  await Promise.all([relayed.close(), elsewhere.close()]);
  await relay.cut();
  await database.close();
});
beforeEach(async () => {
  clock = createFakeClock();
  await database.store.client`truncate users cascade`;
  accounts = await open(database.store);
  await accounts.ensureAccount(OWNER, "Acme");
});

const opened: Accounts[] = [];
beforeEach(() => async () => {
  await Promise.all(opened.splice(0).map((each) => each.close()));
});

async function open(store: Store): Promise<Accounts> {
  const created = await createAccounts({ store, clock });
  opened.push(created);
  return created;
}

function newKey(policy: Partial<NewKey> = {}) {
  return accounts.createKey({ accountId: OWNER, ...policy });
}

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

describe("an API key", () => {
  it("is shown once and kept as its hash and label", async () => {
    const { secret, record } = await newKey({ name: " build server " });
    expect(secret).toMatch(/^sk-um-[0-9a-f]{64}$/);
    expect(record).toEqual({
      id: expect.stringMatching(/^key_[0-9a-f]{24}$/),
      accountId: OWNER,
      name: "build server",
      label: `${secret.slice(0, 10)}...${secret.slice(-4)}`,
      disabled: false,
      limit_microUsd: null,
      limitReset: "none",
      allowedModels: [],
      expiresAt: null,
      createdAt: clock.date(),
      lastUsedAt: null,
      rpmLimit: null,
      itpmLimit: null,
      otpmLimit: null,
      selfRouteOnly: false,
      console: false,
    });
    const [row] = await database.store.client`select k::text as everything, key_hash from api_keys k`;
    expect(row?.["key_hash"]).toBe(sha256(secret));
    expect(row?.["everything"]).not.toContain(secret.slice(10, -4));
  });

  it("authenticates its account, with its policy", async () => {
    const policy: Partial<NewKey> = {
      limit_microUsd: 5_000_000n,
      limitReset: "weekly",
      allowedModels: ["sprout", "sprout"],
      expiresAt: new Date("2030-01-01"),
    };
    const { secret, record } = await newKey(policy);
    expect(record).toMatchObject({ ...policy, allowedModels: ["sprout"] });
    expect(await accounts.authenticate(secret)).toEqual({ accountId: OWNER, method: "api_key", key: { ...record, isService: false } });
  });

  it("is a service account's as soon as its account is one", async () => {
    const { secret } = await newKey();
    expect((await accounts.authenticate(secret))?.key?.isService).toBe(false);
    await elsewhere.client`update users set role = 'service' where account_id = ${OWNER}`;
    await expect.poll(async () => (await accounts.authenticate(secret))?.key?.isService).toBe(true);
    await elsewhere.client`update users set role = '' where account_id = ${OWNER}`;
  });

  it("may have a form from before, because only its hash counts", async () => {
    const { record } = await newKey();
    await database.store.client`update api_keys set key_hash = ${sha256("older-secret")} where id = ${record.id}`;
    expect(await accounts.authenticate("older-secret")).toMatchObject({ accountId: OWNER });
  });

  it("is listed newest first, and only to its owner", async () => {
    const first = await newKey();
    await clock.advance(1);
    const second = await newKey();
    await accounts.ensureAccount("other", "Other");
    expect(await accounts.listKeys(OWNER)).toEqual([second.record, first.record]);
    expect(await accounts.listKeys("other")).toEqual([]);
    expect(await accounts.getKey(OWNER, first.record.id)).toEqual(first.record);
    expect(await accounts.getKey("other", first.record.id)).toBeUndefined();
    expect(await accounts.getKey(OWNER, "key_\0")).toBeUndefined();
    expect(await accounts.revokeKey("other", first.record.id)).toBe(false);
    expect(await accounts.revokeKey(OWNER, "key_\0")).toBe(false);
    expect(await accounts.authenticate(first.secret)).toBeDefined();
  });

  it("is gone at once when it is revoked, while its row stays for the sake of usage", async () => {
    const { secret, record } = await newKey();
    expect(await accounts.authenticate(secret)).toBeDefined();
    expect(await accounts.revokeKey(OWNER, record.id)).toBe(true);
    expect(await accounts.authenticate(secret)).toBeUndefined();
    expect(await accounts.listKeys(OWNER)).toEqual([]);
    expect(await accounts.revokeKey(OWNER, record.id)).toBe(false);
    expect(await database.store.client`select id, key_hash from api_keys`).toEqual([{ id: record.id, key_hash: null }]);
  });

  it("stops the moment it expires, also while it is cached", async () => {
    const { secret } = await newKey({ expiresAt: new Date(clock.date().getTime() + 1000) });
    await clock.advance(999);
    expect(await accounts.authenticate(secret)).toBeDefined();
    await clock.advance(1);
    expect(await accounts.authenticate(secret)).toBeUndefined();
  });

  it("does not work while it is disabled", async () => {
    const { secret, record } = await newKey();
    await database.store.client`update api_keys set disabled = true where id = ${record.id}`;
    expect(await accounts.authenticate(secret)).toBeUndefined();
  });

  it("notes when it was last used, at most once a minute", async () => {
    const { secret, record } = await newKey();
    const lastUsedAt = async () => {
      await opened.pop()?.close();
      accounts = await open(database.store);
      return (await accounts.getKey(OWNER, record.id))?.lastUsedAt;
    };
    const start = clock.date();
    await accounts.authenticate(secret);
    expect(await lastUsedAt()).toEqual(start);
    await clock.advance(LAST_USE_INTERVAL_MS - 1);
    await accounts.authenticate(secret);
    expect(await lastUsedAt()).toEqual(start);
    await clock.advance(1);
    await accounts.authenticate(secret);
    expect(await lastUsedAt()).toEqual(clock.date());
  });
});

describe("a bearer token that nobody issued", () => {
  it("is unknown, whatever it looks like", async () => {
    const tokens = ["", "x", "sk-um-", `sk-um-${"0".repeat(64)}`, `umbel-pt-${"0".repeat(64)}`, "umbel-pt-", "\0", "k".repeat(100_000)];
    for (const token of tokens) expect(await accounts.authenticate(token)).toBeUndefined();
  });

  it("is looked up when it is as long as a token may be, and not when it is longer", async () => {
    const { record } = await newKey();
    const longest = "k".repeat(TOKEN_CHARACTERS_MAX);
    await database.store.client`update api_keys set key_hash = ${sha256(longest)} where id = ${record.id}`;
    expect(await accounts.authenticate(longest)).toBeDefined();
    await database.store.client`update api_keys set key_hash = ${sha256(`${longest}k`)} where id = ${record.id}`;
    expect(await accounts.authenticate(`${longest}k`)).toBeUndefined();
  });
});

describe("a provider token", () => {
  it("stands for its account, without a key", async () => {
    const token = await accounts.issueProviderToken(OWNER, "rack 1");
    expect(token).toMatch(/^umbel-pt-[0-9a-f]{64}$/);
    expect(await accounts.providerAccount(token)).toBe(OWNER);
    expect(await accounts.authenticate(token)).toEqual({ accountId: OWNER, method: "provider_token", key: undefined });
    const [row] = await database.store.client`select p::text as everything, token_hash from provider_tokens p`;
    expect(row?.["token_hash"]).toBe(sha256(token));
    expect(row?.["everything"]).not.toContain(token);
  });

  it("that ends at a time stands until then", async () => {
    const end = new Date(clock.date().getTime() + 1_000);
    const token = await accounts.issueProviderToken(OWNER, "rack 1", end);
    expect(await accounts.providerTokenBySecret(token)).toMatchObject({ expiresAt: end });
    clock.sleep(1_000);
    expect(await accounts.providerAccount(token)).toBeUndefined();
  });

  it("is never cached, so that a revocation needs no notice", async () => {
    const token = await accounts.issueProviderToken(OWNER, "rack 1");
    expect(await accounts.providerAccount(token)).toBe(OWNER);
    await elsewhere.client`update provider_tokens set revoked_at = now()`;
    expect(await accounts.providerAccount(token)).toBeUndefined();
    expect(await accounts.authenticate(token)).toBeUndefined();
  });

  it("ends when it expires", async () => {
    const token = await accounts.issueProviderToken(OWNER, "rack 1");
    const expiry = new Date(clock.date().getTime() + 1000).toISOString();
    await elsewhere.client`update provider_tokens set expires_at = ${expiry}`;
    expect(await accounts.providerAccount(token)).toBe(OWNER);
    await clock.advance(1000);
    expect(await accounts.providerAccount(token)).toBeUndefined();
  });

  it("is not an API key, nor an API key a provider token", async () => {
    const { secret } = await newKey();
    expect(await accounts.providerAccount(secret)).toBeUndefined();
  });
});

describe("the key cache", () => {
  it("forgets a key at once that another process revokes", async () => {
    const { secret, record } = await newKey();
    const second = await open(elsewhere);
    expect(await second.authenticate(secret)).toBeDefined();
    let notices = 0;
    const noticed = new Promise<void>((resolve) => {
      // The first call tells that the channel is open; it is called after the cache, which came before it.
      void elsewhere.onChange("umbel_keys", () => ++notices === 2 && resolve());
    });
    await expect.poll(() => notices).toBe(1);
    await accounts.revokeKey(OWNER, record.id);
    await noticed;
    expect(await second.authenticate(secret)).toBeUndefined();
  });

  it.each<[string, KeyChange, Partial<KeyRecord>]>([
    ["requests", { rpmLimit: 5 }, { rpmLimit: 5 }],
    ["input tokens", { itpmLimit: 5 }, { itpmLimit: 5 }],
    ["output tokens", { otpmLimit: 5 }, { otpmLimit: 5 }],
    ["own machines", { selfRouteOnly: true }, { selfRouteOnly: true }],
    ["models", { allowedModels: ["a"] }, { allowedModels: ["a"] }],
  ])("knows at once of a limit that another process sets: %s", async (_name, change, known) => {
    const { secret, record } = await newKey();
    const second = await open(elsewhere);
    expect(await second.authenticate(secret)).toBeDefined();
    await accounts.updateKey(OWNER, record.id, change);
    await expect.poll(async () => (await second.authenticate(secret))?.key).toMatchObject(known);
  });

  it("keeps a revoked key no longer than a minute when the notice is lost", async () => {
    const { secret, record } = await newKey();
    const deaf = await open({ ...elsewhere, onChange: async () => async () => undefined });
    expect(await deaf.authenticate(secret)).toBeDefined();
    await accounts.revokeKey(OWNER, record.id);
    await clock.advance(KEY_CACHE.ttl_ms - 1);
    expect(await deaf.authenticate(secret)).toBeDefined();
    await clock.advance(1);
    expect(await deaf.authenticate(secret)).toBeUndefined();
  });

  it("does not honour what was read before a revocation and arrives after it", async () => {
    const { secret, record } = await newKey();
    const slow = await open(relayed);
    const held = relay.holdAnswer(sha256(secret));
    const overtaken = slow.authenticate(secret);
    await held.answered;
    await slow.revokeKey(OWNER, record.id);
    held.release();
    expect(await overtaken).toBeDefined();
    expect(await slow.authenticate(secret)).toBeUndefined();
  });

  it("is not emptied by made-up tokens, and does not ask twice for one of them", async () => {
    const { secret } = await newKey();
    const remembering = await open({ ...elsewhere, onChange: async () => async () => undefined });
    expect(await remembering.authenticate(secret)).toBeDefined();
    const junk = Array.from({ length: KEY_CACHE.entries_max + 1 }, (_, index) => `sk-um-junk-${index}`);
    await Promise.all(junk.map((token) => remembering.authenticate(token)));
    // What is still answered as it was, although the table says otherwise, comes from the cache.
    await database.store.client`update api_keys set key_hash = ${sha256("sk-um-junk-1000")}`;
    expect(await remembering.authenticate(secret)).toBeDefined();
    expect(await remembering.authenticate("sk-um-junk-1000")).toBeUndefined();
  });
});

describe("a database that does not answer", () => {
  it("is an error, not an unknown key, and is not remembered", async () => {
    const { secret } = await newKey();
    const token = await accounts.issueProviderToken(OWNER, "rack 1");
    const far = await open(relayed);
    await relay.cut();
    const failures = await Promise.all(
      [far.authenticate(secret), far.authenticate(token), far.providerAccount(token), far.listKeys(OWNER)].map((asked) =>
        asked.catch((error: unknown) => error),
      ),
    );
    for (const failure of failures) {
      expect(failure).toBeInstanceOf(AccountsUnavailableError);
      expect(JSON.stringify(failure, Object.getOwnPropertyNames(failure))).not.toContain(sha256(secret));
    }
    await relay.restore();
    await expect.poll(() => far.authenticate(secret).catch(() => undefined)).toBeDefined();
    expect(await far.providerAccount(token)).toBe(OWNER);
  });

  it("is waited for only so long", async () => {
    const { secret } = await newKey();
    const slow = await open(relayed);
    const held = relay.holdAnswer(sha256(secret));
    const waiting = slow.authenticate(secret).catch((error: unknown) => error);
    await held.answered;
    await clock.advance(ANSWER_TIMEOUT_MS);
    expect(await waiting).toBeInstanceOf(AccountsUnavailableError);
    held.release();
    expect(await slow.authenticate(secret)).toBeDefined();
  });
});

describe("an account", () => {
  it("is created once", async () => {
    await accounts.ensureAccount(OWNER, "Another name");
    expect(await database.store.client`select account_id, display_name from users`).toEqual([{ account_id: OWNER, display_name: "Acme" }]);
  });

  it("needs an id that is safe to show, and not the ledger's own", async () => {
    const longest = "a".repeat(ACCOUNT_LIMITS.accountId_characters_max);
    await accounts.ensureAccount(longest, longest);
    for (const id of ["", "two words", "a/b", "a\n", "é", "platform", "admin", "sys:fees", `${longest}a`]) {
      await expect(accounts.ensureAccount(id, "x")).rejects.toMatchObject({ name: "AccountsError", code: "invalid", field: "account_id" });
    }
  });

  it("must exist before it gets keys or tokens", async () => {
    const refusal = { code: "unknown_account", field: "account_id" };
    await expect(accounts.createKey({ accountId: "nobody" })).rejects.toMatchObject(refusal);
    await expect(accounts.issueProviderToken("nobody", "x")).rejects.toMatchObject(refusal);
  });

  it("has at most so many keys, also when they are made at once; revoked ones do not count", async () => {
    const limit = ACCOUNT_LIMITS.keysPerAccount_max;
    const { record } = await newKey();
    await database.store.client`insert into api_keys (id, key_hash, label, owner_account_id, name, limit_reset, allowed_models)
      select 'key_' || n, 'hash ' || n, '', ${OWNER}, '', 'none', '{}' from generate_series(1, ${limit - 2}) n`;
    const rivals = Array.from({ length: 8 });
    // Opens the connections, so that the rivals start together.
    await Promise.all(rivals.map(() => database.store.ping()));
    const made = await Promise.allSettled(rivals.map(() => newKey()));
    expect(made.filter((each) => each.status === "fulfilled")).toHaveLength(1);
    await expect(newKey()).rejects.toMatchObject({ code: "too_many", field: "keys" });
    await accounts.revokeKey(OWNER, record.id);
    await newKey();
  });

  it("has at most so many provider tokens", async () => {
    await database.store.client`insert into provider_tokens (id, token_hash, account_id, label)
      select 'pt_' || n, 'hash ' || n, ${OWNER}, '' from generate_series(1, ${ACCOUNT_LIMITS.providerTokensPerAccount_max}) n`;
    await expect(accounts.issueProviderToken(OWNER, "x")).rejects.toMatchObject({ code: "too_many", field: "provider_tokens" });
  });
});

describe("a new key's policy", () => {
  const models = Array.from({ length: ACCOUNT_LIMITS.allowedModels_max }, (_, index) => `model-${index}`);

  it("may go to the limits", async () => {
    const policy: Partial<NewKey> = {
      name: "🔑".repeat(ACCOUNT_LIMITS.name_characters_max),
      allowedModels: models,
      limit_microUsd: ACCOUNT_LIMITS.spend_microUsd_max,
      expiresAt: new Date("9999-12-31T23:59:59.999Z"),
    };
    expect((await newKey(policy)).record).toMatchObject(policy);
    expect((await newKey({ limit_microUsd: 0n })).record.limit_microUsd).toBe(0n);
  });

  it.each<[string, Partial<NewKey>]>([
    ["name", { name: "x".repeat(ACCOUNT_LIMITS.name_characters_max + 1) }],
    ["name", { name: "nul\0" }],
    ["name", { name: "half \ud83d pair" }],
    ["allowed_models", { allowedModels: [...models, "one more"] }],
    ["allowed_models", { allowedModels: [""] }],
    ["allowed_models", { allowedModels: ["m".repeat(ACCOUNT_LIMITS.modelName_characters_max + 1)] }],
    ["limit_usd", { limit_microUsd: -1n }],
    ["limit_usd", { limit_microUsd: ACCOUNT_LIMITS.spend_microUsd_max + 1n }],
    ["limit_reset", { limitReset: "yearly" as "none" }],
    ["expires_at", { expiresAt: new Date("2025-12-31") }],
    ["expires_at", { expiresAt: new Date("2026-01-01T00:00:00Z") }],
    ["expires_at", { expiresAt: new Date("+010000-01-01T00:00:00Z") }],
    ["expires_at", { expiresAt: new Date("never") }],
  ])("is refused with the name of the wrong field: %s", async (field, policy) => {
    const refusal = await newKey(policy).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(AccountsError);
    expect(refusal).toMatchObject({ code: "invalid", field, message: expect.stringMatching(new RegExp(`^${field} must be `)) });
    expect(await accounts.listKeys(OWNER)).toEqual([]);
  });
});
