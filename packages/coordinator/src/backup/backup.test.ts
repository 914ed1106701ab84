import { mkdtempSync, rmSync } from "node:fs";
import { appendFile, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createFakeClock } from "@umbel/protocol/testing";
import { generateIdentity, identityToRecipient } from "age-encryption";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openS3Bucket } from "../objects/index.js";
import { startS3Server } from "../objects/testing/index.js";
import { createTestDatabase, rebuildSchema, type TestDatabase } from "../store/testing.js";
import { backupName, bucketPlace, createBackupSchedule, directoryPlace, restoreBackup, verifyBackup, writeBackup } from "./index.js";
import { readBackup } from "./read-backup.js";

const VERSION = "1.2.3";
const AT = new Date("2026-11-30T03:00:00Z");

let database: TestDatabase;
let directory: string;
let home: string;
let identity: string;
let recipient: string;
let file: string;

beforeAll(async () => {
  database = await createTestDatabase();
  directory = mkdtempSync(path.join(tmpdir(), "umbel-backup-"));
  home = path.join(directory, "home");
  identity = await generateIdentity();
  recipient = await identityToRecipient(identity);
  await populate();
  file = path.join(directory, backupName(AT));
  await writeBackup(file, { store: database.store, home, version: VERSION, at: AT }, { recipients: [recipient] });
});
afterAll(async () => {
  await database.close();
  rmSync(directory, { recursive: true });
});

/** A little of everything that is hard to carry over: money, arrays, JSON, times to the microsecond, parts of tables, numbers that go on. */
async function populate(): Promise<void> {
  const { client } = database.store;
  await client`insert into users (account_id, display_name, email) values ('alice', ${'Ünï "x"\\\n\t🙂'}, 'alice@example.org'), ('bob', '', null)`;
  await client`insert into api_keys (id, key_hash, label, owner_account_id, name, limit_reset, allowed_models, created_at)
    values ('key_1', 'h', 'l', 'alice', 'n', 'none', array['a,b', '"c"', ''], '2026-01-02 03:04:05.678901+00')`;
  for (let entry = 1; entry <= 2_500; entry += 1) {
    await client`select ledger_post_entries('admin_credit', ${`k${entry}`}, 'r', array['alice', 'sys:promo'], array['admin_credit', 'admin_credit'],
      array[${9_007_199_254_740n + BigInt(entry)}::bigint, ${-(9_007_199_254_740n + BigInt(entry))}::bigint], array[null, null]::bigint[], now())`;
    if (entry === 20) break;
  }
  await client`insert into usage (request_id, account_id, machine_id, model, public_model, prompt_tokens, completion_tokens, reasoning_tokens,
    cached_prompt_tokens, cost, is_public, admitted_at) select 'r' || n, 'alice', 'm', 'b', 'p', n, 0, 0, 0, n, true, now() from generate_series(1, 2500) n`;
  await client`insert into admin_audit (at, actor, action, target, before, after) values (now(), 'admin-key', 'a', 't', null, '{"big": 12345678901234567890.5, "n": [1, null]}')`;
  await client.unsafe(`create table decisions_20261130 partition of decisions for values from ('2026-11-30') to ('2026-12-01')`);
  await client`insert into decisions (day, request_id, attempt, at, client_request_id, account_digest, surface, public_model, build, kind, outcome, waited, shape,
    decision, ttft_ms) values ('2026-11-30', 'q', 1, now(), 'c', 'd', 's', 'p', 'b', 'first', 'selected', false, '{}', '{}', 0.1)`;
  await mkdir(path.join(home, "postgres"), { recursive: true });
  await writeFile(path.join(home, "catalog-key.pem"), "a key");
  await writeFile(path.join(home, "pseudonym-secret"), Buffer.from([0, 255, 10, 13]));
  await writeFile(path.join(home, "coordinator.log"), "no secret");
  await writeFile(path.join(home, "postgres", "file"), "no secret either");
  await mkdir(path.join(home, "blobs", "oak", "1"), { recursive: true });
  await writeFile(path.join(home, "blobs", "oak", "1", "oak.gguf"), "weights");
}

const key = () => ({ identity });

async function emptied(): Promise<{ readonly target: TestDatabase; readonly place: string }> {
  return { target: await createTestDatabase(), place: mkdtempSync(path.join(directory, "restored-")) };
}

describe("a backup", () => {
  it("has every table that there is, and what lies in the home, but for logs and folders; only its key opens it", async () => {
    const { header, manifest } = await verifyBackup(file, key());
    const tables = await database.store.client<{ name: string }[]>`
      select table_name as name from information_schema.tables
      where table_schema = 'public' and table_name <> 'schema_migrations' and table_name not like 'decisions\\_2%' order by 1`;
    expect(manifest.tables.map(({ name }) => name).sort()).toEqual(tables.map(({ name }) => name).sort());
    expect(manifest.tables).toContainEqual({ name: "usage", rows: 2_500, sha256: expect.any(String) });
    expect(manifest.files.map(({ name }) => name)).toEqual(["catalog-key.pem", "pseudonym-secret"]);
    expect(manifest.blobs).toEqual([{ path: "oak/1/oak.gguf", size_bytes: 7 }]);
    expect(header).toMatchObject({ format: 1, version: VERSION, at: AT.toISOString() });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await readFile(file)).includes("alice")).toBe(false);
    await expect(verifyBackup(file, { identity: await generateIdentity() })).rejects.toMatchObject({ name: "BackupError" });
    expect((await readdir(directory)).filter((name) => name.endsWith(".part"))).toEqual([]);
  });

  it("is for a passphrase, too", async () => {
    const other = path.join(directory, "by-passphrase");
    const { size_bytes } = await writeBackup(
      other,
      { store: database.store, home, version: VERSION, at: AT },
      { passphrase: "correct horse", work_log2: 8 },
    );
    expect(size_bytes).toBe((await stat(other)).size);
    expect((await verifyBackup(other, { passphrase: "correct horse" })).manifest).toEqual((await verifyBackup(file, key())).manifest);
    await expect(verifyBackup(other, { passphrase: "wrong horse" })).rejects.toMatchObject({ name: "BackupError" });
  });

  it("does not verify when a byte was changed, when it was cut, or when something was added", async () => {
    const bytes = await readFile(file);
    const spoilt = path.join(directory, "spoilt");
    const changed = Buffer.from(bytes);
    changed[bytes.length >> 1] = (changed[bytes.length >> 1] ?? 0) ^ 1;
    for (const content of [changed, bytes.subarray(0, -1), bytes.subarray(0, bytes.length >> 1), Buffer.alloc(0)]) {
      await writeFile(spoilt, content);
      await expect(verifyBackup(spoilt, key())).rejects.toMatchObject({ name: "BackupError" });
    }
    await writeFile(spoilt, bytes);
    await appendFile(spoilt, "x");
    await expect(verifyBackup(spoilt, key())).rejects.toMatchObject({ name: "BackupError" });
  });
});

describe("a restore", () => {
  it("makes of an empty database and an empty home what was backed up, row for row, and numbers go on behind", async () => {
    const { target, place } = await emptied();
    const { manifest, missing } = await restoreBackup(file, key(), { store: target.store, home: place });
    expect(missing).toEqual([{ path: "oak/1/oak.gguf", size_bytes: 7 }]);
    await mkdir(path.join(place, "blobs", "oak", "1"), { recursive: true });
    await writeFile(path.join(place, "blobs", "oak", "1", "oak.gguf"), "weights");
    const again = path.join(directory, "again");
    await writeBackup(again, { store: target.store, home: place, version: VERSION, at: AT }, { recipients: [recipient] });
    expect((await verifyBackup(again, key())).manifest).toEqual(manifest);
    expect(await readFile(path.join(place, "pseudonym-secret"))).toEqual(Buffer.from([0, 255, 10, 13]));
    expect((await stat(path.join(place, "catalog-key.pem"))).mode & 0o777).toBe(0o600);
    await target.store.client`insert into admin_audit (at, actor, action, target) values (now(), 'a', 'b', 'c')`;
    await target.store.client`select ledger_post_entries('x', 'new', 'r', array['alice', 'sys:promo'], array['adjustment', 'adjustment'],
      array[1, -1]::bigint[], array[null, null]::bigint[], now())`;
    await expect(target.store.client`update ledger_entries set amount = 1`).rejects.toThrow("append-only");
    await target.close();
  });

  it("leaves a database alone that is in use, and a home that has other keys", async () => {
    await expect(restoreBackup(file, key(), { store: database.store, home })).rejects.toMatchObject({ name: "RestoreError" });
    const { target, place } = await emptied();
    await writeFile(path.join(place, "catalog-key.pem"), "another key");
    await expect(restoreBackup(file, key(), { store: target.store, home: place })).rejects.toMatchObject({ name: "BackupError" });
    expect(await target.store.client`select 1 from users`).toHaveLength(0);
    expect(await readdir(place)).toEqual(["catalog-key.pem"]);
    await target.close();
  });

  it("leaves nothing of a backup that is spoilt behind its beginning", async () => {
    const bytes = await readFile(file);
    const cut = path.join(directory, "cut");
    await writeFile(cut, bytes.subarray(0, -40));
    const { target, place } = await emptied();
    await expect(restoreBackup(cut, key(), { store: target.store, home: place })).rejects.toMatchObject({ name: "BackupError" });
    expect(await target.store.client`select 1 from users`).toHaveLength(0);
    expect(await readdir(place)).toEqual([]);
    await target.close();
  });

  it("refuses books that do not balance, however well they were kept", async () => {
    const cooked = await createTestDatabase();
    await cooked.store.client`insert into balances (account_id, balance) values ('alice', 5)`;
    const wrong = path.join(directory, "wrong");
    await writeBackup(wrong, { store: cooked.store, home, version: VERSION, at: AT }, { recipients: [recipient] });
    await cooked.close();
    const { target, place } = await emptied();
    await expect(restoreBackup(wrong, key(), { store: target.store, home: place })).rejects.toThrow("P1 all accounts: balances sum to 5");
    await target.close();
  });
});

describe("a restore of an older schema", () => {
  it.each([2, 30])("of %i migrations brings it up to date, and loses nothing", async (count) => {
    const old = await createTestDatabase();
    await old.store.client.begin(async (sql) => {
      await rebuildSchema(sql, count);
      await sql`insert into users (account_id, display_name) values ('alice', 'Alice')`;
      await sql`insert into ledger_transactions (kind, idempotency_key, reference) values ('deposit', 'k1', 'r')`;
      await sql`insert into ledger_entries
        (account_id, seq, transaction_id, entry_type, amount, withdrawable_delta, balance_after, withdrawable_after)
        select account, 1, id, 'deposit', amount, 0, amount, 0 from ledger_transactions,
          (values ('alice', 7000001::bigint), ('sys:stripe', -7000001)) entry (account, amount)`;
      await sql`insert into balances (account_id, balance, seq) values ('alice', 7000001, 1), ('sys:stripe', -7000001, 1)`;
    });
    const older = path.join(directory, `older-${count}`);
    await writeBackup(older, { store: old.store, home, version: "0.1.0", at: AT }, { recipients: [recipient] });
    await old.close();
    const { target, place } = await emptied();
    const { header, migrated } = await restoreBackup(older, key(), { store: target.store, home: place });
    const applied = await target.store.client<{ id: number; checksum: string }[]>`select id, checksum from schema_migrations order by id`;
    const now = await database.store.client<{ id: number; checksum: string }[]>`select id, checksum from schema_migrations order by id`;
    expect([header.migrations.length, migrated]).toEqual([count, now.length - count]);
    expect([...applied]).toEqual([...now]);
    expect(await target.store.client`select balance from balances where account_id = 'alice'`).toEqual([{ balance: 7_000_001n }]);
    const posting = target.store.client`select ledger_post_entries('x', 'new', 'r', array['alice', 'sys:promo'],
      array['adjustment', 'adjustment'], array[1, -1]::bigint[], array[null, null]::bigint[], now())`;
    expect(await posting).toHaveLength(1);
    await target.close();
  });

  it("refuses one that this program does not come from, and one that is newer", async () => {
    for (const change of [
      `update schema_migrations set checksum = 'x' where id = 1`,
      `insert into schema_migrations values (9999, 'n', 'c')`,
    ]) {
      const other = await createTestDatabase();
      await other.store.client.unsafe(change);
      const stranger = path.join(directory, "stranger");
      await writeBackup(stranger, { store: other.store, home, version: VERSION, at: AT }, { recipients: [recipient] });
      await other.close();
      const { target, place } = await emptied();
      await expect(restoreBackup(stranger, key(), { store: target.store, home: place })).rejects.toThrow("of another schema");
      await target.close();
    }
  });
});

it("reads parts in order, and the manifest last", async () => {
  const kinds: string[] = [];
  for await (const { kind } of readBackup(file, key())) if (kinds.at(-1) !== kind) kinds.push(kind);
  expect(kinds[0]).toBe("header");
  expect(kinds.slice(-2)).toEqual(["file", "manifest"]);
});

describe("backups by themselves", () => {
  it("are made when the last is old enough, and the latest are kept, and other files are left alone", async () => {
    const clock = createFakeClock(AT);
    const place = path.join(directory, "schedule");
    const interval_ms = 24 * 3_600_000;
    const options = {
      store: database.store,
      home,
      version: VERSION,
      clock,
      place: directoryPlace(place),
      lock: { recipients: [recipient] },
      interval_ms,
      retention: { latest: 2, hourly: 0, daily: 0, weekly: 0 },
    };
    const schedule = createBackupSchedule(options);
    expect(schedule.age_s()).toBe(Number.POSITIVE_INFINITY);
    const made: string[] = [];
    for (let day = 0; day < 3; day += 1) {
      const one = await schedule.run();
      made.push(one?.name ?? "");
      expect(await schedule.run()).toBeUndefined();
      expect(schedule.age_s()).toBe(0);
      await writeFile(path.join(place, "mine.txt"), "x");
      clock.sleep(interval_ms);
    }
    expect((await readdir(place)).sort()).toEqual(["mine.txt", ...made.slice(-2)].sort());
    // A coordinator that starts anew goes by what lies there.
    clock.sleep(-interval_ms);
    expect(await createBackupSchedule(options).run()).toBeUndefined();
  });

  it("go to a bucket, where they are read back from, and what nothing keeps is removed there", async () => {
    const clock = createFakeClock(AT);
    const server = await startS3Server();
    const bucket = openS3Bucket({ ...server.options, place: "s3://backups/umbel north" });
    await bucket.put("mine.txt", Buffer.from("x"), server.sha256("x"));
    const own = path.join(directory, "own");
    await mkdir(own);
    const schedule = createBackupSchedule({
      ...{ store: database.store, home: own, version: VERSION, clock, lock: { recipients: [recipient] }, interval_ms: 3_600_000 },
      ...{ place: bucketPlace("s3://backups/umbel north", bucket, own), retention: { latest: 1, hourly: 0, daily: 0, weekly: 0 } },
    });
    const first = await schedule.run();
    clock.sleep(3_600_000);
    server.fail(10);
    await expect(schedule.run()).rejects.toMatchObject({ name: "ObjectStoreError", problem: "unreachable" });
    expect(schedule.age_s()).toBe(3_600);
    server.fail(0);
    const second = await schedule.run();
    expect(second).toMatchObject({ place: "s3://backups/umbel north", name: backupName(clock.date()) });
    expect([...(await bucket.keys())].sort()).toEqual(["mine.txt", second?.name]);
    expect(first?.name).not.toBe(second?.name);
    const fetched = path.join(directory, "fetched");
    await bucket.fetchFile(second?.name ?? "", fetched);
    expect((await verifyBackup(fetched, key())).manifest.tables).toContainEqual({ name: "usage", rows: 2_500, sha256: expect.any(String) });
    expect(await readdir(path.join(own, "backup-on-its-way"))).toEqual([]);
    await server.close();
  });
});
