import { randomBytes, randomUUID } from "node:crypto";
import { createFakeClock } from "@umbel/protocol/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { audit } from "../../ledger/testing/index.js";
import { createTestDatabase, type TestDatabase } from "../../store/testing.js";
import { createAdministration } from "../administration/index.js";
import { createAccounts } from "../create-accounts.js";
import { asked, person } from "../testing/people.js";
import type { Accounts } from "../types.js";
import { createDataRights, type DataRights } from "./index.js";

const DELAY_ms = 14 * 24 * 3_600_000;

let database: TestDatabase;
let accounts: Accounts;
let rights: DataRights;
const clock = createFakeClock();

beforeAll(async () => {
  database = await createTestDatabase();
  accounts = await createAccounts({ store: database.store, clock });
  rights = createDataRights({ store: database.store, clock, randomBytes, erasureDelay_ms: DELAY_ms });
});
afterAll(async () => {
  await accounts.close();
  await database.close();
});

const address = () => `${randomUUID()}@example.org`;
const give = (kind: "credit" | "reward", accountId: string, amount_microUsd: bigint) =>
  createAdministration({ store: database.store, clock })[kind]({ to: { accountId }, amount_microUsd }, asked());

/** Somebody with a key, a machine's token, a machine, money, and something used. */
async function resident() {
  const email = address();
  const account = await person(database.store, email);
  const { secret, record } = await accounts.createKey({ accountId: account, name: `plans of ${email}` });
  const token = await accounts.issueProviderToken(account, `desktop of ${email}`);
  const { client } = database.store;
  await client`insert into providers (machine_id, account_id, encryption_key, hardware, models, backend, version, trust_level)
    values (${randomUUID()}, ${account}, 'k', '{"serial": "123"}', '[]', 'cpu', '1.0.0', 'none')`;
  await give("credit", account, 5_000_000n);
  await client`insert into usage (request_id, account_id, key_id, machine_id, model, public_model, prompt_tokens, completion_tokens, reasoning_tokens,
    cached_prompt_tokens, cost, is_public, admitted_at) values (${randomUUID()}, ${account}, ${record.id}, 'm', 'b', 'sprout', 1, 1, 0, 0, 0, true, now())`;
  return { account, email, secret, keyId: record.id, token };
}

/** Everything in the database, as text. */
async function everything(): Promise<string> {
  const tables = await database.store.client<{ name: string }[]>`
    select table_name as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'`;
  const texts = tables.map(async ({ name }) => {
    const [row] = await database.store.client<
      { text: string }[]
    >`select coalesce(json_agg(t), '[]')::text as text from ${database.store.client(name)} t`;
    return row?.text ?? "";
  });
  return (await Promise.all(texts)).join("\n");
}

describe("an account that is to be erased", () => {
  it("is cut off at once, and goes on as before when its owner thinks better of it, but for its machines", async () => {
    const { account, email, secret, token } = await resident();
    const { scheduledFor } = await rights.requestErasure(account, { confirm: ` ${email.toUpperCase()} `, forfeit: false });
    expect(scheduledFor.getTime() - clock.date().getTime()).toBe(DELAY_ms);
    expect(await accounts.authenticate(secret)).toBeUndefined();
    expect(await accounts.providerAccount(token)).toBeUndefined();
    const frozen = () => database.store.client`select 1 from users where account_id = ${account} and frozen_reason is not null`;
    expect(await frozen()).toHaveLength(1);
    expect(await database.store.client`select 1 from providers where account_id = ${account}`).toHaveLength(0);
    await expect(rights.requestErasure(account, { confirm: email, forfeit: false })).rejects.toMatchObject({ code: "scheduled" });
    expect(await rights.cancelErasure(account)).toBe(true);
    expect(await rights.cancelErasure(account)).toBe(false);
    await expect.poll(() => accounts.authenticate(secret)).toMatchObject({ accountId: account });
    expect(await frozen()).toHaveLength(0);
    clock.sleep(DELAY_ms);
    expect(await rights.eraseDue()).toBe(0);
  });

  it("leaves nothing behind that says who it was; its money balances, and what others earned from it stays", async () => {
    const { account, email, keyId } = await resident();
    await database.store
      .client`insert into rejections (created_at, account_hash, key_id, endpoint, stage, reason, http_status, client_class)
      values (now(), encode(sha256(convert_to(${account}, 'UTF8')), 'hex'), ${keyId}, '/', 'auth', 'x', 400, 'unknown')`;
    await rights.requestErasure(account, { confirm: email, forfeit: false });
    expect(await rights.eraseDue()).toBe(0);
    clock.sleep(DELAY_ms);
    expect(await rights.eraseDue()).toBe(1);
    expect(await rights.eraseDue()).toBe(0);
    const text = await everything();
    expect(text).not.toContain(email);
    expect(await audit(database.store, [account], [])).toEqual([]);
    const [row] = await database.store.client<{ balance: bigint; erased: boolean }[]>`
      select balance, erased_at is not null as erased from balances join users using (account_id) where account_id = ${account}`;
    expect(row).toEqual({ balance: 0n, erased: true });
    const [done] = await database.store.client`select state, report from erasure_requests where account_id = ${account}`;
    expect(done).toMatchObject({
      state: "done",
      report: { forfeited_micro_usd: 5_000_000, users: 1, api_keys: 1, usage: 1, rejections: 1 },
    });
  });

  it("stays in the audit by its id, with what was done, and without what operators wrote about it", async () => {
    const { account, email } = await resident();
    const administration = createAdministration({ store: database.store, clock });
    const operator = await person(database.store);
    const by = (actor: string) => ({ ...asked(), actor, ipHash: "a hash of an address" });
    await administration.setFrozen(account, `${email} has been rude`, by(operator));
    await administration.setFrozen(account, null, by(account));
    await rights.requestErasure(account, { confirm: email, forfeit: false });
    clock.sleep(DELAY_ms);
    await rights.eraseDue();
    const rows = await database.store
      .client`select actor, action, before, after, ip_hash from admin_audit where target = ${account} order by id`;
    expect(rows).toMatchObject([
      { action: "account.credit", after: { amount_micro_usd: 5_000_000 } },
      { actor: operator, action: "account.freeze", before: {}, after: {}, ip_hash: "a hash of an address" },
      { actor: account, action: "account.unfreeze", before: {}, after: {}, ip_hash: null },
    ]);
    expect(JSON.stringify(rows)).not.toMatch(/rude|example\.org|note/);
  });

  it("is not, while a dollar of earnings is on it that its owner does not give up", async () => {
    const { account, email } = await resident();
    await give("reward", account, 1_000_000n);
    await expect(rights.requestErasure(account, { confirm: email, forfeit: false })).rejects.toMatchObject({ code: "money" });
    await rights.requestErasure(account, { confirm: email, forfeit: true });
    clock.sleep(DELAY_ms);
    expect(await rights.eraseDue()).toBe(1);
    expect(await audit(database.store, [account], [])).toEqual([]);
  });

  it("waits when earnings come in meanwhile, and goes once they are gone", async () => {
    const { account, email } = await resident();
    await rights.requestErasure(account, { confirm: email, forfeit: false });
    await give("reward", account, 1_000_000n);
    clock.sleep(DELAY_ms);
    expect(await rights.eraseDue()).toBe(0);
    expect((await rights.erasure(account))?.scheduledFor.getTime()).toBeGreaterThan(clock.date().getTime());
  });

  it("is named by its address, and nobody else's", async () => {
    const { account } = await resident();
    await expect(rights.requestErasure(account, { confirm: "somebody@example.org", forfeit: true })).rejects.toMatchObject({
      code: "not_confirmed",
    });
    const nameless = await person(database.store);
    await rights.requestErasure(nameless, { confirm: nameless, forfeit: false });
  });
});

describe("an export", () => {
  it("has everything of the account but secrets, and nothing of others", async () => {
    const { account, email, secret, keyId } = await resident();
    const other = await resident();
    const files = new Map<string, unknown[]>();
    let current: unknown[] = [];
    await rights.exportAccount(account, {
      async file(name) {
        current = [];
        files.set(name, current);
      },
      async rows(rows) {
        current.push(...rows.map((row) => JSON.parse(row)));
      },
    });
    expect(files.get("profile")).toMatchObject([{ account_id: account, email }]);
    expect(files.get("keys")).toMatchObject([{ id: keyId, name: `plans of ${email}` }]);
    expect(files.get("usage")).toHaveLength(1);
    expect(files.get("ledger")).toMatchObject([{ seq: 1, entry_type: "admin_credit", amount: 5_000_000 }]);
    expect(files.get("machines")).toHaveLength(1);
    const text = JSON.stringify([...files]);
    for (const hidden of [secret, "key_hash", "token_hash", other.email, other.account]) expect(text).not.toContain(hidden);
  });
});
