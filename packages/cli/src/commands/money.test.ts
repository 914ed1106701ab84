/** Every command of money and accounts, as somebody types it, against one coordinator that runs: what it says, what programs read, and what a mistake ends in. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  createTestDatabase,
  type FakeStripe,
  MODEL,
  startPaymentTest,
  startS3Server,
  type TestCoordinator,
  type TestDatabase,
} from "@umbel/coordinator/testing";
import { sendLogReport } from "@umbel/provider";
import { CommanderError } from "commander";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { asFileError } from "../file-error.js";
import { createProgram } from "../program.js";

/** Made for this test; nothing else is sealed to it. */
const RECIPIENT = "age19477praadew483awnt6xcnxmv4cl77h8p4uudut96h7hza5vjdtqug6p62";
const IDENTITY = "AGE-SECRET-KEY-1E9M4CNMH9VTSL9WK4AH78YTSJ8FJA9SX69THXT2LS8DLVACEYYSQV2E86Q";

const OWNER = "--coordinator {url} --home {home} --account alice";
const OPERATOR = "--base-url {url}/v1 --home {home}";
const CONSUMER = "--base-url {url}/v1 --api-key {key}";
const NOBODY = "http://127.0.0.1:9";

/** What stands for something that is known only when it runs. */
const known: Record<string, string> = {};
let payments: Awaited<ReturnType<typeof startPaymentTest>>;
let test: TestCoordinator;
let stripe: FakeStripe;
let directory: string;
let target: TestDatabase;

beforeAll(async () => {
  payments = await startPaymentTest();
  ({ test, stripe } = payments);
  directory = mkdtempSync(path.join(tmpdir(), "umbel-money-commands-"));
  target = await createTestDatabase();
  const key = await test.key({ accountId: "alice" });
  await Promise.all(["bob", "carol", "dora"].map((accountId) => test.key({ accountId, credit_microUsd: 0n })));
  Object.assign(known, { url: test.url, home: test.home, key, dir: directory, month: new Date().toISOString().slice(0, 7) });
  vi.stubEnv("UMBEL_DATABASE_URL", test.databaseUrl);
  await test.provider({ authToken: await test.providerToken("owner"), serve: (request) => request.answer("one two three") });
  await tellOfTroubles(await test.providerToken("owner"));
  const openai = await test.client(key);
  for (let count = 0; count < 2; count += 1)
    await openai.chat.completions.create({ model: MODEL, messages: [{ role: "user", content: "hi" }] });
  await test.settledBalance(key);
  writeFileSync(path.join(directory, "identity"), `# public key: ${RECIPIENT}\n${IDENTITY}\n`);
  writeFileSync(path.join(directory, "empty"), "\n");
});
afterAll(async () => {
  vi.unstubAllEnvs();
  process.exitCode = undefined;
  await payments.close();
  await target.close();
  rmSync(directory, { recursive: true });
});

/** As a machine whose owner has agreed does; one of the report's lines would tell a terminal something. */
async function tellOfTroubles(authToken: string): Promise<void> {
  const event = { source: "provider", version: "9.9.9", timestamp: new Date().toISOString() };
  const session_id = "6c84fb90-12c4-41e1-840d-7f6b0d1e2a4f";
  const events = [
    { ...event, id: "11111111-12c4-41e1-840d-7f6b0d1e2a4f", session_id, message: "worker_ended", fields: { signal: "SIGSEGV" } },
    { ...event, id: "22222222-12c4-41e1-840d-7f6b0d1e2a4f", session_id, message: "memory_critical", fields: { available_bytes: 7 } },
  ];
  const headers = { authorization: `Bearer ${authToken}`, "content-type": "application/json" };
  await fetch(`${test.url}/v1/telemetry/events`, { method: "POST", headers, body: JSON.stringify({ events }) });
  await sendLogReport({ coordinatorUrl: test.url, authToken }, { text: '{"report":"umbel-log-report/1"}\nit \u001b[31mdied\n' });
}

interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly remedy: string;
}

/** Runs a command of this process; words are parted by blanks. */
async function umbel(command: string): Promise<Said> {
  const words = command.split(" ").map((word) => word.replaceAll(/\{(\w+)\}/g, (_, name: string) => known[name] ?? `{${name}}`));
  const streams = [process.stdout, process.stderr].map((stream) => vi.spyOn(stream, "write").mockReturnValue(true));
  const [stdout, stderr] = streams.map((stream) => () => stream.mock.calls.map(([text]) => String(text)).join(""));
  const said = (code: number, remedy = "") => ({ code, remedy, stdout: stdout?.() ?? "", stderr: stderr?.() ?? "" });
  process.exitCode = undefined;
  try {
    await createProgram().parseAsync(words, { from: "user" });
    return said(Number(process.exitCode ?? 0));
  } catch (error) {
    if (error instanceof CommanderError) return said(EXIT_CODES.usage, "--help");
    const failure = error instanceof CliError ? error : asFileError(error);
    if (failure === undefined) throw error;
    return { ...said(failure.exitCode, failure.remedy), stderr: failure.message };
  } finally {
    for (const stream of streams) stream.mockRestore();
  }
}

/** A command that succeeds: what it says to people, or what programs read with `--json`; or both, where it may run twice. */
interface Works {
  readonly run: string;
  readonly says?: RegExp;
  readonly json?: object;
  /** A field of the answer, for later rows. */
  readonly keep?: readonly [name: string, field: (answer: never) => unknown];
}

async function works({ run, says, json, keep }: Works): Promise<void> {
  if (says !== undefined) {
    const { code, stdout, stderr } = await umbel(run);
    expect({ code, stdout, stderr }).toMatchObject({ code: 0, stdout: expect.stringMatching(says) });
  }
  if (json === undefined) return;
  const { code, stdout, stderr } = await umbel(`${run} --json`);
  expect({ code, stderr }).toMatchObject({ code: 0 });
  const answer = JSON.parse(stdout);
  expect(stdout.trim()).toBe(JSON.stringify(answer));
  expect(answer).toMatchObject(json);
  if (keep !== undefined) known[keep[0]] = String(keep[1](answer as never));
}

describe("commands of money and accounts", () => {
  it.each<Works>([
    // What an account has and used
    { run: `balance ${CONSUMER}`, says: /^0\.999800 USD can be spent\. 0\.000000 USD are held/, json: { balance_micro_usd: 999_800 } },
    { run: `usage ${CONSUMER}`, says: /^DAY .*\n\d{4}-\d\d-\d\d +2 .*0\.000200\ntotal +0\.000200$/m, json: { total_micro_usd: 200 } },
    { run: `usage --group model ${CONSUMER}`, says: /^test-model +2 /m, json: { group: "model", data: [{ requests: 2 }] } },
    { run: `usage --group key ${CONSUMER}`, says: /^key_\w+ +2 /m, json: { group: "key", data: [{ cost_micro_usd: 200 }] } },
    { run: `usage --list --limit 1 ${CONSUMER}`, says: /^TIME .*\n\S+ +\S+ +test-model .* 0\.000100$/m, json: { usage: [{}] } },
    { run: `usage --from 2000-01-01 --to 2000-01-02 ${CONSUMER}`, says: /^Nothing was used in that time\.$/m, json: { data: [] } },
    { run: `usage --list --model other ${CONSUMER}`, says: /^Nothing was used\.$/m, json: { usage: [], next_cursor: null } },

    // What operators do
    {
      run: `admin credit --account alice --usd 10 --home {home}`,
      says: /^Credited 10\.000000 USD to "alice"\. It can now spend 10\.999800 USD\.$/m,
    },
    {
      run: `admin credit alice --usd 0.000001 --note gift --idempotency-key k1 ${OPERATOR}`,
      says: /^Credited 0\.000001 USD/m,
      json: { account: "alice", credited_micro_usd: 1, balance_micro_usd: 10_999_801 },
    },
    { run: `admin reward --account alice --usd 20 ${OPERATOR}`, json: { rewarded_micro_usd: 20_000_000, balance_micro_usd: 30_999_801 } },
    {
      run: `admin reward --account alice --usd 1 --home {home}`,
      says: /^Rewarded 1\.000000 USD to "alice"\. It can now spend 31\.999801 USD\.$/m,
    },
    {
      run: `admin users ali ${OPERATOR}`,
      says: /^alice +31\.999801 +21\.000000 /m,
      json: { data: [{ account_id: "alice", withdrawable_micro_usd: 21_000_000 }] },
    },
    { run: `admin users no-such ${OPERATOR}`, says: /^There is no such account\.$/m, json: { data: [], next: null } },
    {
      run: `admin ledger alice --limit 2 ${OPERATOR}`,
      says: /^ENTRY .*\n7 .* admin_reward +1\.000000 +31\.999801 /m,
      json: { data: [{}, {}], next: 6 },
    },
    { run: `admin ledger alice --before 2 ${OPERATOR}`, says: /^1 .* deposit +1\.000000 +1\.000000 +test$/m, json: { next: null } },
    { run: `admin ledger bob ${OPERATOR}`, says: /^Nothing has moved on this account\.$/m, json: { data: [] } },
    { run: `admin role alice service ${OPERATOR}`, says: /^"alice" is service now\.$/m, json: { status: "role_updated", role: "service" } },
    { run: `admin role alice normal ${OPERATOR}`, says: /^"alice" is normal now\.$/m, json: { role: "" } },
    { run: `admin fee alice 12 ${OPERATOR}`, says: /^"alice" pays a fee of 12 percent now\.$/m, json: { platform_fee_percent: 12 } },
    { run: `admin fee alice default ${OPERATOR}`, says: /^"alice" pays the default fee now\.$/m, json: { platform_fee_percent: null } },
    {
      run: `admin price test-build --input 0.07 --output 0.3 ${OPERATOR}`,
      says: /^test-build costs \$0\.0700 per 1M tokens of prompt and \$0\.3000 per 1M tokens of answer now\.$/m,
      json: { input_price: 70_000, output_price: 300_000 },
    },
    {
      run: `admin freeze carol --reason dispute ${OPERATOR}`,
      says: /^"carol" is frozen\. .*umbel admin unfreeze carol$/m,
      json: { status: "frozen" },
    },
    { run: `admin merge dora --into carol ${OPERATOR}`, says: /^"dora" went over to "carol", with 0\.000000 USD\.$/m },
    { run: `admin unfreeze carol ${OPERATOR}`, says: /^"carol" may go on\.$/m, json: { status: "active" } },
    { run: `admin hardware-cap apple-m4-max 128 ${OPERATOR}`, says: /up to 128 GB count/, json: { max_gb: 128 } },
    { run: `admin hardware-cap apple-m4-max none ${OPERATOR}`, says: /^Machines of apple-m4-max wait\.$/m, json: { max_gb: null } },
    {
      run: `admin audit --target carol --limit 1 ${OPERATOR}`,
      says: /^\S+ +admin-key +account\.unfreeze +carol /m,
      json: { data: [{ target: "carol" }] },
    },
    { run: `admin audit --target no-such ${OPERATOR}`, says: /^Nothing was changed\.$/m, json: { data: [] } },
    { run: `admin money ${OPERATOR}`, says: /^The books balance\.\nWAITING /m, json: { ok: true, violations: [] } },

    // What machines tell, and what their owners send
    {
      run: `admin telemetry ${OPERATOR}`,
      says: /^EVENTS +MACHINES .*\n1 +1 +(?:error +worker_ended|error +memory_critical) +9\.9\.9 /m,
      json: { data: [{ events: 1, machines: 1 }, {}] },
    },
    {
      run: `admin telemetry --each --kind oom ${OPERATOR}`,
      says: /^\S+ +error +memory_critical +tok:[0-9a-f]{16} +9\.9\.9 +available_bytes=7$/m,
      json: { data: [{ message: "memory_critical", fields: { available_bytes: 7 } }], next: null },
      keep: ["machine", ({ data: [event] }: { readonly data: readonly { readonly machine: string }[] }) => event?.machine],
    },
    {
      run: `admin telemetry --each --machine tok:none ${OPERATOR}`,
      says: /^No machine told of anything in that time\./m,
      json: { data: [] },
    },
    {
      run: `admin log-reports list ${OPERATOR}`,
      says: /^ID .*\n\S+ +\S+ +tok:[0-9a-f]{16} .* owner +\d+$/m,
      json: { data: [{ account_id: "owner" }] },
      keep: ["report", ({ data: [report] }: { readonly data: readonly { readonly id: string }[] }) => report?.id],
    },
    { run: `admin log-reports list --machine tok:none ${OPERATOR}`, says: /^There are no log reports\. .*umbel provider report$/m },
    {
      run: `admin log-reports show {report} ${OPERATOR}`,
      says: /^\{"report":"umbel-log-report\/1"\}\nit \[31mdied$/m,
      json: { lines: ['{"report":"umbel-log-report/1"}', "it \u001b[31mdied"] },
    },
    { run: `admin log-reports show {report} -o {dir}/report ${OPERATOR}`, says: /^Saved to .*report \(\d+ bytes\)\.$/m },

    // Codes and who brought whom
    {
      run: `admin invites list ${OPERATOR}`,
      says: /^There are no invite codes\. Make one with: umbel admin invites create/m,
      json: { data: [] },
    },
    {
      run: `admin invites create spring --usd 5 --uses unlimited --expires 2099-01-31 ${OPERATOR}`,
      says: /^SPRING\nWorth 5\.000000 USD to any number of accounts\./m,
    },
    {
      run: `admin invites create --usd 2.50 ${OPERATOR}`,
      json: { amount_usd: "2.500000", max_uses: 1 },
      keep: ["code", ({ code }) => code],
    },
    { run: `admin invites list ${OPERATOR}`, says: /^SPRING +5\.000000 +0 of any +until 2099-01-31/m, json: { data: [{}, {}] } },
    { run: `invite redeem spring ${OWNER}`, says: /^Redeemed 5\.000000 USD\. You can spend 36\.999801 USD now\.$/m },
    { run: `invite redeem {code} ${OWNER}`, json: { credited_usd: "2.500000", balance_usd: "39.499801" } },
    { run: `admin invites deactivate spring ${OPERATOR}`, says: /^Nobody can redeem SPRING any more\.$/m, json: { status: "deactivated" } },
    { run: `admin invitations list ${OPERATOR}`, says: /^Nobody is invited\. /m, json: { data: [] } },
    {
      run: `admin invitations create ada@example.org ${OPERATOR}`,
      json: { email: "ada@example.org" },
      keep: ["invitation", ({ id }) => id],
    },
    { run: `admin invitations list ${OPERATOR}`, says: /^\S+ +ada@example\.org +\w+ /m, json: { data: [{ email: "ada@example.org" }] } },
    { run: `admin invitations revoke {invitation} ${OPERATOR}`, says: /^Revoked \S+\.$/m },
    {
      run: `referral register alice-1 ${OWNER}`,
      says: /^Your code is ALICE-1: you get 20%/m,
      json: { code: "ALICE-1", share_percent: 20 },
    },
    { run: `referral apply alice-1 ${OWNER} --account bob`, says: /^Noted: you came with ALICE-1\.$/m },
    { run: `referral apply alice-1 ${OWNER} --account carol`, json: { status: "applied", code: "ALICE-1" } },
    {
      run: `referral stats ${OWNER}`,
      says: /^2 came with ALICE-1, which earned 0\.000000 USD\.\nYour share .* 20%\.$/m,
      json: { total_referred: 2 },
    },
    { run: `rewards ${OWNER}`, says: /^This network does not pay for being there\.$/m, json: { enabled: false, machines: [] } },

    // Papers
    {
      run: `statements list ${OWNER}`,
      says: /^\d{4}-\d\d +0\.000000 +39\.499801 +so far$/m,
      json: { data: [{ closing_micro_usd: 39_499_801 }] },
    },
    { run: `statements list ${OWNER} --account bob`, says: /^Nothing has moved on this account\.$/m, json: { data: [] } },
    {
      run: `statements show {month} ${OWNER}`,
      says: /^Beginning +0\.000000\n[\s\S]*^End +39\.499801$/m,
      json: { closing_usd: "39.499801", items: expect.any(Array) },
    },
    { run: `statements save {month} --format csv -o {dir}/s.csv ${OWNER}`, says: /^Saved .*s\.csv\.$/m },
    { run: `statements show ${OWNER}`, says: /^Beginning/m, json: { month: expect.stringMatching(/^\d{4}-\d\d$/) } },
    { run: `statements save {month} -o {dir}/s.pdf ${OWNER}`, json: { format: "pdf", size_bytes: expect.any(Number) } },
    { run: `account export -o {dir}/a.zip ${OWNER}`, says: /^Saved .*a\.zip\.$/m, json: { size_bytes: expect.any(Number) } },
    { run: `account erase --confirm carol ${OWNER} --account carol`, says: /^The account ends at \S+Z\. .*umbel account keep$/m },
    { run: `account keep ${OWNER} --account carol`, says: /^The account goes on\./m },
    { run: `account erase --confirm carol --forfeit ${OWNER} --account carol`, json: { erasure_id: expect.any(String) } },
    { run: `account keep ${OWNER} --account carol`, json: { status: "cancelled" } },

    // Money in and out
    { run: `billing deposits ${OWNER}`, says: /^No deposits yet\. Make one with: umbel billing deposit <usd>$/m, json: { data: [] } },
    { run: `billing deposit 12.50 ${OWNER}`, says: /^Pay here: http\S+\nThe credits are on the account a moment later/m },
    { run: `billing deposit 3 ${OWNER}`, json: { amount_micro_usd: 3_000_000, url: expect.any(String) } },
    { run: `billing deposits ${OWNER}`, says: /^\S+ +pending +3\.000000 .*\n\S+ +pending +12\.500000 /m, json: { data: [{}, {}] } },
    {
      run: `billing status ${OWNER}`,
      says: /^Nobody has said yet where to pay to\. Begin with: umbel billing onboard$/m,
      json: { has_account: false },
    },
    {
      run: `billing onboard --country US ${OWNER}`,
      json: { status: "pending" },
      keep: ["account", ({ stripe_account_id }) => stripe_account_id],
    },
    { run: `billing onboard ${OWNER}`, says: /^Answer Stripe's questions here: http/m },
    { run: `billing address show ${OWNER}`, says: /^This network pays out on no chain\.$/m, json: { configured: false, address: null } },
    { run: `billing withdrawals ${OWNER}`, says: /^No withdrawals yet\.$/m, json: { withdrawals: [] } },
  ])("umbel $run", works);

  it("a withdrawal to an account that Stripe has come to know goes out once for one key", async () => {
    stripe.world.onboard(known["account"] ?? "");
    await works({ run: `billing status ${OWNER}`, says: /^ready, paid to a bank that ends in 6789$/m, json: { status: "ready" } });
    const once = `billing withdraw 5.25 --key once ${OWNER}`;
    await works({ run: once, json: { net_usd: "5.25", fee_usd: "0.00" }, keep: ["withdrawal", ({ withdrawal_id }) => withdrawal_id] });
    await works({ run: once, says: /^\S+: 5\.25 USD \(fee 0\.00\), submitted, expected in 1-2 business days\./m });
    await works({
      run: `billing withdrawals ${OWNER}`,
      says: /^wd_\S+ +submitted +5\.25 +0\.00 /m,
      json: { withdrawals: [{ id: known["withdrawal"] }] },
    });
    expect(stripe.world.transfers.size).toBe(1);
  });

  it("files are what they are said to be", () => {
    expect(readFileSync(path.join(directory, "s.csv"), "utf8")).toMatch(/^entry,time,type,[\s\S]*closing_balance,.*,39\.499801\r?\n$/);
    expect(readFileSync(path.join(directory, "s.pdf"), "latin1")).toMatch(/^%PDF-1/);
    expect(readFileSync(path.join(directory, "a.zip"), "latin1")).toMatch(/^PK/);
  });

  it("a backup is made while the coordinator runs, verified, and restored elsewhere", async () => {
    const backup = `admin backup --recipient ${RECIPIENT} --home {home} -o {dir}/b`;
    await works({ run: backup, says: /^Backup of \S+ by version \S+: \d+ rows of \d+ tables, \d+ files of the home\.\nSaved /m });
    const verify = "admin verify-backup {dir}/b --identity {dir}/identity";
    await works({ run: verify, says: /^It is whole\.$/m, json: { deep: false, rows: expect.any(Number) } });
    vi.stubEnv("UMBEL_DATABASE_URL", target.databaseUrl);
    const restore = "admin restore {dir}/b --identity {dir}/identity --home {dir}/restored";
    await works({ run: restore, json: { home: path.join(directory, "restored"), migrated: 0, missing_blobs: [] } });
    expect(await umbel(restore)).toMatchObject({ code: EXIT_CODES.verification, stderr: expect.stringContaining("in use") });
    vi.stubEnv("UMBEL_DATABASE_URL", test.databaseUrl);
    const [row] = await target.store.client<{ balance: bigint }[]>`select balance from balances where account_id = 'alice'`;
    expect(row?.balance).toBe(34_249_801n);
  });

  it("a backup goes to a bucket and is verified there", async () => {
    const server = await startS3Server();
    for (const [name, value] of Object.entries({
      ENDPOINT: server.options.endpoint,
      REGION: "eu-central-1",
      KEY_ID: "AKID",
      SECRET: "secret-8",
    }))
      vi.stubEnv(`UMBEL_BACKUP_S3_${name}`, value ?? "");
    vi.stubEnv("AWS_SESSION_TOKEN", "session");
    const backup = `admin backup --recipient ${RECIPIENT} --home {home} -o s3://backups/north/`;
    await works({ run: backup, json: { file: expect.stringMatching(/^s3:.*age$/) }, keep: ["object", ({ file }) => file] });
    await works({ run: "admin backups s3://backups/north", says: /^MADE .*\n\S+Z +s3:\S+ +umbel-backup-\S+$/m, json: { data: [{}] } });
    await works({ run: "admin verify-backup {object} --identity {dir}/identity", says: /^It is whole\.$/m });
    expect(await umbel("admin verify-backup {object}x --identity {dir}/identity")).toMatchObject({ code: EXIT_CODES.failure });
    await works({ run: "admin backups {dir}", says: /^There are no backups\.$/m, json: { data: [] } });
    await server.close();
  });
});

describe("mistakes end in an exit code and what to do next", () => {
  const { usage, failure, authentication, network, verification } = EXIT_CODES;
  it.each<readonly [run: string, code: number, message: RegExp, remedy: RegExp]>([
    [`balance --base-url ${NOBODY}/v1 --api-key k`, network, /^Nothing answers at/, /--base-url/],
    [`balance --base-url {url}/elsewhere --api-key {key}`, failure, /not implemented|no such/i, /--base-url/],
    [`balance --base-url {url}/v1 --api-key sk-um-wrong`, authentication, /./, /--api-key/],
    [`balance --base-url {url}/v1 --home {dir}`, authentication, /^There is no API key/, /--api-key/],
    [`usage --group week ${CONSUMER}`, usage, /group/i, /day, model or key/],
    [`usage --from yesterday ${CONSUMER}`, usage, /from/i, /2026-05-01/],
    [`usage --list --limit 0 ${CONSUMER}`, usage, /limit/i, /--limit/],
    [`usage --list --limit many ${CONSUMER}`, usage, /limit/i, /--limit/],

    [`admin credit --account alice --usd -5 --home {home}`, usage, /-5/, /./],
    [`admin credit --account alice --usd 1e3 --home {home}`, usage, /"1e3" is not an amount/, /2\.50/],
    [`admin credit --account alice --usd 0 --home {home}`, usage, /zero/, /--usd/],
    [`admin credit --account alice --home {home}`, usage, /--usd/, /--help/],
    [`admin credit --usd 1 --home {home}`, usage, /no one account/, /only one of them/],
    [`admin credit a --account b --usd 1 --home {home}`, usage, /no one account/, /only one of them/],
    [`admin credit no@example.org --usd 1 ${OPERATOR}`, failure, /no account/i, /umbel admin users/],
    [`admin credit --account a --email b --usd 1 --home {home}`, usage, /no one account/, /only one of them/],
    [`admin credit --email no@example.org --usd 1 --home {home}`, failure, /no account/i, /umbel admin users/],
    [`admin credit --email no@example.org --usd 1 ${OPERATOR}`, failure, /no account/i, /umbel admin users/],
    [`admin credit --account no-such --usd 1 ${OPERATOR}`, failure, /account/i, /umbel admin users/],
    [`admin credit --account alice --usd 2 --idempotency-key k1 ${OPERATOR}`, failure, /key/i, /--idempotency-key/],
    [`admin credit --account alice --usd 2 --idempotency-key k1 --home {home}`, failure, /key/i, /--idempotency-key/],
    [`admin reward --account alice --usd 99999999999 ${OPERATOR}`, usage, /not an amount/, /2\.50/],
    [`admin users --base-url {url}/v1 --admin-key wrong`, authentication, /./, /--admin-key/],
    [`admin users --base-url {url}/v1 --home {dir}`, authentication, /no operator's key/, /--admin-key/],
    [`admin users --limit 0 ${OPERATOR}`, usage, /limit/i, /--limit/],
    [`admin ledger no-such ${OPERATOR}`, failure, /no such account/i, /umbel admin users/],
    [`admin ledger alice --before x ${OPERATOR}`, usage, /"x"/, /--before/],
    [`admin role alice king ${OPERATOR}`, usage, /"king" is no role/, /service or normal/],
    [`admin role no-such service ${OPERATOR}`, failure, /account/i, /umbel admin users/],
    [`admin fee alice 101 ${OPERATOR}`, usage, /101/, /0 to 100/],
    [`admin fee alice half ${OPERATOR}`, usage, /"half"/, /0 to 100/],
    [`admin price no-such --input 1 --output 1 ${OPERATOR}`, failure, /no such build/i, /umbel models registry/],
    [`admin price test-build --input 0 --output 1 ${OPERATOR}`, usage, /input/i, /above zero/],
    [`admin price test-build --input cheap --output 1 ${OPERATOR}`, usage, /"cheap"/, /2\.50/],
    [`admin freeze no-such --reason x ${OPERATOR}`, failure, /account/i, /umbel admin users/],
    [`admin freeze alice ${OPERATOR}`, usage, /--reason/, /--help/],
    [`admin hardware-cap apple lots ${OPERATOR}`, usage, /"lots"/, /128/],
    [`admin audit --limit 0 ${OPERATOR}`, usage, /limit/i, /--limit/],
    [`admin money --base-url ${NOBODY}/v1 --admin-key k`, network, /^Nothing answers/, /--base-url/],
    [`admin invites create --usd free ${OPERATOR}`, usage, /"free"/, /2\.50/],
    [`admin invites create --usd 1 --uses some ${OPERATOR}`, usage, /"some"/, /unlimited/],
    [`admin invites create --usd 1 --expires soon ${OPERATOR}`, usage, /"soon"/, /2027-01-31/],
    [`admin invites create spring --usd 1 ${OPERATOR}`, failure, /./, /another code/],
    [`admin invites create a --usd 1 ${OPERATOR}`, usage, /code/i, /another code/],
    [`admin invites deactivate winter ${OPERATOR}`, failure, /./, /umbel admin invites list/],
    [`admin invitations create nobody ${OPERATOR}`, usage, /./, /e-mail/],
    [`admin invitations revoke no-such ${OPERATOR}`, failure, /./, /umbel admin invitations list/],

    [`invite redeem winter ${OWNER}`, failure, /./, /whoever gave it/],
    [`invite redeem spring ${OWNER}`, usage, /./, /whoever gave it/],
    [`invite redeem x --coordinator {url} --token wrong`, authentication, /./, /umbel login/],
    [`invite redeem x --coordinator ${NOBODY} --token t`, network, /^Nothing answers/, /--coordinator/],
    [`referral register admin ${OWNER} --account bob`, failure, /./, /another code/],
    [`referral register alice-1 ${OWNER} --account bob`, failure, /taken/, /another code/],
    [`referral apply no-such ${OWNER}`, failure, /./, /umbel referral stats/],
    [`referral stats ${OWNER} --account bob`, failure, /./, /umbel referral register/],
    [`statements show 1999-01 ${OWNER}`, failure, /no statement/, /umbel statements list/],
    [`statements save {month} --format doc ${OWNER}`, usage, /"doc"/, /csv or pdf/],
    [`statements save ../etc ${OWNER}`, usage, /no month/, /2026-11/],
    [`statements save 1999-01 -o {dir}/x ${OWNER}`, failure, /no statement/, /umbel statements list/],
    [`statements save {month} -o {dir}/no/such/x ${OWNER}`, failure, /could not be saved/, /./],
    [`account export --coordinator {url} --token wrong -o {dir}/x`, authentication, /./, /umbel login/],
    [`account erase --confirm bob ${OWNER}`, usage, /./, /--confirm/],
    [`account erase --confirm alice ${OWNER}`, failure, /./, /--forfeit/],
    [`account erase ${OWNER}`, usage, /--confirm/, /--help/],
    [`account keep ${OWNER}`, failure, /./, /nothing to undo/i],
    [`billing deposit lots ${OWNER}`, usage, /"lots"/, /2\.50/],
    [`billing deposit 0.10 ${OWNER}`, usage, /0\.50/, /./],
    [`billing deposit 5 --referral no-such ${OWNER}`, usage, /referral/, /./],
    [`billing withdraw 0.50 ${OWNER}`, usage, /./, /./],
    [`billing withdraw 5 --instant --stablecoin ${OWNER}`, usage, /one way/, /./],
    [`billing withdraw 5 --instant ${OWNER}`, failure, /./, /without --instant/],
    [`billing withdraw 5 --stablecoin ${OWNER}`, failure, /./, /ask whoever runs it/],
    [`billing address challenge 0x12 ${OWNER}`, usage, /0x12 is no address/, /40 hexadecimal/],
    [`billing address challenge 0x${"1".repeat(40)} ${OWNER}`, failure, /no chain/, /ask whoever runs it/],
    [`billing address prove 0x00 ${OWNER}`, failure, /challenge/, /umbel billing address challenge/],
    [`billing withdraw 100 ${OWNER}`, failure, /./, /umbel balance/],
    [`billing withdraw 5 ${OWNER} --account bob`, failure, /./, /umbel billing onboard/],

    [`admin telemetry --since yesterday ${OPERATOR}`, usage, /^Since is neither/, /--since/],
    [`admin telemetry --base-url {url}/v1 --admin-key wrong`, authentication, /./, /./],
    [`admin telemetry --base-url ${NOBODY}/v1 --admin-key k`, network, /./, /./],
    [`admin log-reports list --limit none ${OPERATOR}`, usage, /limit/, /--limit/],
    [`admin log-reports show no-such ${OPERATOR}`, failure, /./, /umbel admin log-reports list/],
    [`admin log-reports show x --base-url {url}/v1 --home {dir}`, authentication, /./, /--admin-key/],

    [`admin backup --home {home} -o {dir}/x`, usage, /never written in the clear/, /--recipient/],
    [`admin backup --recipient age1nonsense --home {home} -o {dir}/x`, usage, /age1nonsense/, /age-keygen/],
    [`admin backup --passphrase-file {dir}/none --home {home} -o {dir}/x`, usage, /none/, /./],
    [`admin backup --passphrase-file {dir}/empty --home {home} -o {dir}/x`, usage, /empty/, /passphrase/],
    [`admin backups`, usage, /no place/, /UMBEL_BACKUP_DIR/],
    [`admin backups {dir}/none`, usage, /cannot be read/, /s3:/],
    [`admin verify-backup s3://b --identity {dir}/identity`, usage, /names no object/, /umbel admin backups/],
    [`admin verify-backup {dir}/b`, usage, /no one key/, /--identity/],
    [`admin verify-backup {dir}/none --identity {dir}/identity`, usage, /none/, /./],
    [`admin verify-backup {dir}/b --identity {dir}/empty`, usage, /is empty/, /key or passphrase/],
    [`admin verify-backup {dir}/s.pdf --identity {dir}/identity`, verification, /cannot be opened/, /./],
    [`admin restore {dir}/b --identity {dir}/identity --home {home}`, verification, /in use/, /empty database/],
  ])("umbel %s is %i", async (run, code, message, remedy) => {
    const said = await umbel(run);
    expect({ ...said, code: said.code }).toMatchObject({
      ...{ code, stdout: "" },
      ...{ stderr: expect.stringMatching(message), remedy: expect.stringMatching(remedy) },
    });
  });
});
